# SPDX-License-Identifier: Apache-2.0
"""Makes tests/image/fixtures: small pictures of every kind, and what they must decode to.

Needs Pillow 13 or newer and numpy. What Pillow reads is expected as Pillow reads it; what it
cannot (16 bits a channel, transparency on a background) follows from the samples written here.
Run it from the repository root: python3 tests/image/make_fixtures.py
"""
import io
import math
import shutil
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FOLDER = Path(__file__).parent / "fixtures"
BACKGROUND = (0x20, 0x90, 0xE0)
W, H = 19, 13


def picture(width, height):
    """Gradients, an edge and some noise: all that filters and codecs trip over."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(width * 1000 + height).integers(0, 40, (height, width, 3))
    rgb = np.stack([x * 215 // max(width - 1, 1), y * 215 // max(height - 1, 1),
                    np.where(x + 2 * y < width, 215, 20)], 2)
    return (rgb + noise).astype(np.uint8)


def alpha(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.clip((x + y) * 20 - 100, 0, 255).astype(np.uint8)


def over(rgba):
    """The RGBA picture on BACKGROUND, each value rounded to nearest."""
    rgba = rgba.astype(int)
    a = rgba[..., 3:]
    return ((rgba[..., :3] * a + np.array(BACKGROUND) * (255 - a) + 127) // 255).astype(np.uint8)


def as_pillow_sees(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def ppm(path, rgb):
    height, width, _ = rgb.shape
    path.write_bytes(b"P6\n%d %d\n255\n" % (width, height) + rgb.astype(np.uint8).tobytes())


names = []


def keep(name, data, expected=None, pillow_agrees=True):
    """Writes the file and what it must decode to; both opinions must agree where both exist."""
    data = bytes(data)
    if expected is None:
        expected = as_pillow_sees(data)
    elif pillow_agrees:
        assert np.array_equal(as_pillow_sees(data), expected), name
    (FOLDER / "decode" / name).write_bytes(data)
    ppm(FOLDER / "decode" / (name + ".ppm"), expected)
    names.append(name)


# --- JPEG ---------------------------------------------------------------------------------------

def jpeg(rgb, mode="RGB", **options):
    out = io.BytesIO()
    Image.fromarray(rgb).convert(mode).save(out, "JPEG", **{"quality": 85, **options})
    return bytearray(out.getvalue())


def without_segment(data, marker):
    at = data.find(bytes([0xFF, marker]))
    length = struct.unpack(">H", data[at + 2:at + 4])[0]
    return data[:at] + data[at + 2 + length:]


def resampled(data, sampling, width, height):
    """The same coded blocks under another layout of luma blocks: a valid, if odd, picture."""
    at = data.find(b"\xff\xc0")
    data[at + 5:at + 9] = struct.pack(">HH", height, width)
    data[at + 11] = sampling
    return data


def exif(orientation, order):
    end = "<" if order == b"II" else ">"
    return b"Exif\0\0" + order + struct.pack(
        end + "HIHHHIHHHHIII", 42, 8, 2, 0x10F, 2, 4, 0x4142, 0x4300,
        0x112, 3, 1, orientation << (16 if end == ">" else 0), 0)


def make_jpegs():
    rgb = picture(W, H)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        keep(f"baseline_{name}.jpg", jpeg(rgb, subsampling=subsampling))
        keep(f"progressive_{name}.jpg", jpeg(rgb, subsampling=subsampling, progressive=True))
    keep("440.jpg", resampled(jpeg(picture(32, 16), subsampling=1), 0x12, 13, 31))
    keep("411.jpg", resampled(jpeg(picture(32, 32), subsampling=2), 0x41, 61, 15))
    keep("grey.jpg", jpeg(rgb, "L"))
    keep("grey_progressive.jpg", jpeg(rgb, "L", progressive=True))
    keep("rgb.jpg", jpeg(rgb, keep_rgb=True))
    keep("rgb_by_names.jpg", without_segment(jpeg(rgb, keep_rgb=True), 0xEE))
    keep("no_jfif.jpg", without_segment(jpeg(rgb), 0xE0))
    cmyk = jpeg(rgb, "CMYK")
    keep("cmyk.jpg", cmyk)
    keep("cmyk_progressive.jpg", jpeg(rgb, "CMYK", progressive=True))
    keep("cmyk_no_adobe.jpg", without_segment(cmyk, 0xEE))
    ycck = bytearray(cmyk)
    ycck[ycck.find(b"Adobe") + 11] = 2
    keep("ycck.jpg", ycck)
    keep("restarts.jpg", jpeg(rgb, subsampling=2, restart_marker_blocks=1))
    keep("restarts_progressive.jpg", jpeg(rgb, progressive=True, restart_marker_blocks=2))
    keep("coarse.jpg", jpeg(rgb, quality=3, subsampling=2))
    for width, height in ((1, 1), (2, 2), (3, 1), (5, 9), (16, 16)):
        keep(f"size_{width}x{height}.jpg", jpeg(picture(width, height), subsampling=2))
    for orientation in range(1, 9):
        data = jpeg(picture(13, 9), exif=exif(orientation, b"MM" if orientation % 2 else b"II"))
        turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        keep(f"orientation_{orientation}.jpg", data, np.asarray(turned), pillow_agrees=False)


# --- PNG ----------------------------------------------------------------------------------------

PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))


def chunk(kind, payload):
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(
        ">I", zlib.crc32(kind + payload))


def filtered(samples, depth):
    """Rows of samples [h][w][c] under a different PNG filter each."""
    height, width, channels = samples.shape
    if depth == 16:
        rows = samples.astype(">u2").tobytes()
        rows = np.frombuffer(rows, np.uint8).reshape(height, -1)
    elif depth == 8:
        rows = samples.astype(np.uint8).reshape(height, -1)
    else:
        bits = ((samples[..., 0, None] >> np.arange(depth - 1, -1, -1)) & 1).reshape(height, -1)
        rows = np.packbits(bits.astype(np.uint8), axis=1)
    step = max(1, channels * depth // 8)
    out, above = bytearray(), np.zeros(rows.shape[1], int)
    for y, row in enumerate(rows.astype(int)):
        left = np.concatenate([np.zeros(step, int), row])[:row.size]
        corner = np.concatenate([np.zeros(step, int), above])[:row.size]
        guess = left + above - corner
        near = np.abs(np.stack([guess - left, guess - above, guess - corner]))
        paeth = np.choose(near.argmin(0), [left, above, corner])
        predicted = (0, left, above, (left + above) // 2, paeth)[y % 5]
        out += bytes([y % 5]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
        above = row
    return bytes(out)


def png(samples, colour, depth, extra=(), interlaced=False):
    height, width, _ = samples.shape
    if interlaced:
        parts = (samples[y::dy, x::dx] for x, y, dx, dy in PASSES)
        raw = b"".join(filtered(part, depth) for part in parts if part.size)
    else:
        raw = filtered(samples, depth)
    data = zlib.compress(raw, 9)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    half = len(data) // 2  # two IDAT chunks, so that joining them is tested
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra)
            + chunk(b"IDAT", data[:half]) + chunk(b"IDAT", data[half:]) + chunk(b"IEND", b""))


def make_pngs():
    rng = np.random.default_rng(5)
    rgb, a = picture(W, H), alpha(W, H)
    opaque = np.full((H, W, 1), 255, np.uint8)
    for interlaced in (False, True):
        tail = "_interlaced.png" if interlaced else ".png"

        def put(name, samples, colour, depth, rgba, extra=()):
            keep(name + tail, png(samples, colour, depth, extra, interlaced), over(rgba),
                 pillow_agrees=False)

        for depth in (1, 2, 4, 8, 16):
            grey = rng.integers(0, 1 << depth, (H, W, 1))
            shown = grey >> 8 if depth == 16 else grey * 255 // ((1 << depth) - 1)
            rgba = np.concatenate([shown, shown, shown, opaque], 2)
            put(f"grey{depth}", grey, 0, depth, rgba)
            key = int(grey[3, 4, 0])
            keyed = rgba.copy()
            keyed[grey[..., 0] == key] = 0
            put(f"grey{depth}_key", grey, 0, depth, keyed, [chunk(b"tRNS", struct.pack(">H", key))])
        for depth in (1, 2, 4, 8):
            count = min(1 << depth, 200)
            colours = rng.integers(0, 256, (count, 4)).astype(np.uint8)
            index = rng.integers(0, count, (H, W, 1))
            palette = chunk(b"PLTE", colours[:, :3].tobytes())
            put(f"palette{depth}", index, 3, depth,
                np.concatenate([colours[index[..., 0], :3], opaque], 2), [palette])
            half = (count + 1) // 2
            colours[half:, 3] = 255
            put(f"palette{depth}_alpha", index, 3, depth, colours[index[..., 0]],
                [palette, chunk(b"tRNS", colours[:half, 3].tobytes())])
        wide = rgb.astype(int) * 256 + rng.integers(0, 256, rgb.shape)
        wide_a = a.astype(int)[..., None] * 256 + 7
        put("rgb8", rgb, 2, 8, np.concatenate([rgb, opaque], 2))
        put("rgb16", wide, 2, 16, np.concatenate([rgb, opaque], 2))
        put("rgba8", np.dstack([rgb, a]), 6, 8, np.dstack([rgb, a]))
        put("rgba16", np.concatenate([wide, wide_a], 2), 6, 16, np.dstack([rgb, a]))
        grey = rgb[..., 0]
        put("grey_alpha8", np.dstack([grey, a]), 4, 8, np.dstack([grey, grey, grey, a]))
        put("grey_alpha16", np.concatenate([wide[..., :1], wide_a], 2), 4, 16,
            np.dstack([grey, grey, grey, a]))
        for depth, samples in ((8, rgb.astype(int)), (16, wide)):
            key = samples[3, 4]
            keyed = np.concatenate([rgb, opaque], 2)
            keyed[(samples == key).all(2)] = 0
            put(f"rgb{depth}_key", samples, 2, depth, keyed,
                [chunk(b"tRNS", struct.pack(">HHH", *key))])
    for size in ((1, 1), (2, 3), (5, 1)):
        small = picture(*size)
        keep(f"size_{size[0]}x{size[1]}_interlaced.png", png(small, 2, 8, (), True), small)
    turned = chunk(b"eXIf", exif(6, b"MM")[6:])
    keep("orientation_6.png", png(rgb, 2, 8, [turned]), np.rot90(rgb, -1), pillow_agrees=False)


# --- GIF ----------------------------------------------------------------------------------------

def lzw(indices, root):
    """GIF's LZW with a table that stays full once it is ("deferred clear"), in sub-blocks."""
    clear, table, size = 1 << root, {}, root + 1
    codes, following = [(clear, size)], (1 << root) + 2
    prefix = None
    for value in map(int, indices):
        if prefix is None:
            prefix = value
        elif (prefix, value) in table:
            prefix = table[prefix, value]
        else:
            codes.append((prefix, size))
            if following < 4096:
                table[prefix, value] = following
                if following == 1 << size and size < 12:
                    size += 1
                following += 1
            prefix = value
    codes += [(prefix, size), (clear + 1, size)]
    bits = sum(code << at for (code, _), at in zip(
        codes, np.cumsum([0] + [s for _, s in codes]).tolist()))
    data = bits.to_bytes((sum(s for _, s in codes) + 7) // 8, "little")
    blocks = (data[at:at + 255] for at in range(0, len(data), 255))
    return bytes([root]) + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


def gif(size, frames, colours=None, version=b"89a"):
    """frames: (left, top, indices [h][w], local colours, transparent index, interlaced)"""
    def table(c):
        return (0x80 | int(np.log2(len(c))) - 1, c.astype(np.uint8).tobytes()) if c is not None \
            else (0, b"")
    flags, global_table = table(colours)
    out = b"GIF" + version + struct.pack("<HHBBB", *size, flags, 1, 0) + global_table
    for left, top, indices, local, transparent, interlaced in frames:
        if transparent is not None:
            out += b"\x21\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
        out += b"\x21\xfe\x05hello\0"
        flags, local_table = table(local)
        height, width = indices.shape
        out += b"\x2c" + struct.pack("<HHHHB", left, top, width, height, flags | interlaced << 6)
        if interlaced:
            indices = np.concatenate([indices[0::8], indices[4::8], indices[2::4], indices[1::2]])
        count = len(local if local is not None else colours)
        out += local_table + lzw(indices.ravel(), max(2, int(np.log2(count))))
    return out + b"\x3b"


def make_gifs():
    rng = np.random.default_rng(6)
    colours = rng.integers(0, 256, (16, 3))
    index = rng.integers(0, 16, (H, W))
    keep("plain.gif", gif((W, H), [(0, 0, index, None, None, False)], colours, b"87a"),
         colours[index])
    for height in (1, 2, 4, 5, 8, 13):
        keep(f"interlaced_{height}.gif",
             gif((W, height), [(0, 0, index[:height], None, None, True)], colours),
             colours[index[:height]])
    rgba = np.dstack([colours[index], np.where(index == 3, 0, 255)])
    keep("transparent.gif", gif((W, H), [(0, 0, index, None, 3, False)], colours), over(rgba),
         pillow_agrees=False)
    local = rng.integers(0, 256, (4, 3))
    part = rng.integers(0, 4, (7, 11))
    canvas = np.zeros((H, W, 4), int)
    canvas[3:10, 5:16] = np.dstack([local[part], np.full(part.shape, 255)])
    keep("part_local.gif", gif((W, H), [(5, 3, part, local, None, False)]), over(canvas),
         pillow_agrees=False)
    keep("animated.gif", gif((W, H), [(0, 0, index, None, None, False),
                                      (5, 3, part, local, None, True)], colours), colours[index])
    many = rng.integers(0, 256, (256, 3))
    full = rng.integers(0, 256, (72, 64))
    keep("full_table.gif", gif((64, 72), [(0, 0, full, None, None, False)], many), many[full])
    flat = np.ones((30, 50), int)
    keep("flat.gif", gif((50, 30), [(0, 0, flat, None, None, False)], colours[:2]), colours[flat])


# --- BMP ----------------------------------------------------------------------------------------

def bmp(width, height, bits, rows, palette=b"", masks=(), header=40, top_down=False):
    """rows: bytes of each row from the top, unpadded."""
    rows = [row + b"\0" * (-len(row) % 4) for row in rows]
    pixels = b"".join(rows if top_down else rows[::-1])
    compression = 3 if masks else 0
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits,
                           compression, len(pixels), 0, 0, 0, 0)
        info += struct.pack(f"<{len(masks)}I", *masks)
        info += b"\0" * (header - len(info) if header > 40 else 0)
    offset = 14 + len(info) + len(palette)
    start = b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset)
    return start + info + palette + pixels


def make_bmps():
    rng = np.random.default_rng(7)
    rgb, a = picture(W, H), alpha(W, H)
    for bits in (1, 4, 8):
        index = rng.integers(0, 1 << bits, (H, W))
        colours = rng.integers(0, 256, (1 << bits, 3)).astype(np.uint8)
        packed = np.packbits(((index[..., None] >> np.arange(bits - 1, -1, -1)) & 1)
                             .reshape(H, -1).astype(np.uint8), axis=1)
        rows = [row.tobytes() for row in packed]
        four = b"".join(bytes([*c[::-1], 0]) for c in colours)
        three = b"".join(bytes(c[::-1]) for c in colours)
        keep(f"palette{bits}.bmp", bmp(W, H, bits, rows, four), colours[index])
        keep(f"palette{bits}_core.bmp", bmp(W, H, bits, rows, three, header=12), colours[index])
    bgr = [row.tobytes() for row in rgb[..., ::-1]]
    keep("rgb24.bmp", bmp(W, H, 24, bgr), rgb)
    keep("rgb24_top_down.bmp", bmp(W, H, 24, bgr, top_down=True), rgb)
    keep("rgb24_v5.bmp", bmp(W, H, 24, bgr, header=124), rgb)
    bgra = np.dstack([rgb[..., ::-1], a])
    keep("rgb32.bmp", bmp(W, H, 32, [r.tobytes() for r in bgra]), rgb)
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    keep("rgba32_masks.bmp", bmp(W, H, 32, [r.tobytes() for r in bgra], masks=masks, header=108),
         over(np.dstack([rgb, a])), pillow_agrees=False)
    unused = np.dstack([rgb[..., ::-1], a * 0])
    keep("rgba32_unused.bmp", bmp(W, H, 32, [r.tobytes() for r in unused], masks=masks, header=108),
         rgb, pillow_agrees=False)
    for name, red, green, blue, masks in (("555", 10, 5, 0, ()), ("565", 11, 5, 0,
                                                                  (0xF800, 0x7E0, 0x1F))):
        wide = 6 if name == "565" else 5
        pixel = (rgb[..., 0].astype(int) >> 3) << red | \
            (rgb[..., 1].astype(int) >> (8 - wide)) << green | rgb[..., 2].astype(int) >> 3
        keep(f"rgb{name}.bmp", bmp(W, H, 16, [r.astype("<u2").tobytes() for r in pixel],
                                   masks=masks))


# --- Resizing -----------------------------------------------------------------------------------

PADDING = (0x72, 0x01, 0xFF)  # that of resize.c
FILTERS = {1: Image.Resampling.BILINEAR, 2: Image.Resampling.BICUBIC}


def noise(width, height, hard):
    """The same bytes as noise() in resize.c: a linear congruential generator, low bits dropped."""
    state, out = width * 65599 + height, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % (1 << 32)
        value = state >> 24
        out.append((255 if value > 127 else 0) if hard else value)
    return Image.frombytes("RGB", (width, height), bytes(out))


def make_resizes():
    cases = [(61, 43, 24, 24), (24, 24, 43, 31), (37, 53, 24, 24), (53, 37, 25, 23), (1, 1, 9, 7),
             (9, 7, 1, 1), (1, 31, 5, 5), (31, 1, 5, 5), (2, 2, 3, 3), (3, 3, 2, 2),
             (400, 5, 11, 7), (5, 400, 11, 7), (700, 3, 2, 40), (3, 700, 40, 2), (20, 20, 20, 33),
             (20, 20, 33, 20), (20, 20, 20, 20), (66, 66, 33, 33), (30, 60, 50, 20)]
    lines = []
    for filter_number, pillow_filter in FILTERS.items():
        for index, (sw, sh, ow, oh) in enumerate(cases):
            hard = index % 2
            name = f"{filter_number}_{sw}x{sh}_{ow}x{oh}.ppm"
            out = noise(sw, sh, hard).resize((ow, oh), pillow_filter)
            ppm(FOLDER / "resize" / name, np.asarray(out))
            lines.append(f"stretch {filter_number} {hard} {sw} {sh} {ow} {oh} 0 0 {name}")
        for sw, sh, ow, oh, percent in ((97, 64, 24, 24, 88), (64, 97, 24, 24, 100),
                                        (50, 50, 24, 24, 95), (90, 50, 32, 16, 90)):
            fraction = np.float32(percent / 100)
            width, height = sw, sh
            if sw * oh < sh * ow:
                height = sw * oh // ow
            else:
                width = sh * ow // oh
            width, height = (int(float(fraction) * side + 1e-4) for side in (width, height))
            left, top = (sw - width + 1) // 2, (sh - height + 1) // 2
            crop = noise(sw, sh, 0).crop((left, top, left + width, top + height))
            name = f"{filter_number}_centre_{sw}x{sh}_{ow}x{oh}.ppm"
            ppm(FOLDER / "resize" / name, np.asarray(crop.resize((ow, oh), pillow_filter)))
            lines.append(f"centre {filter_number} 0 {sw} {sh} {ow} {oh} 0 {percent} {name}")
        for sw, sh, ow, oh, shorter in ((97, 64, 24, 24, 32), (64, 97, 24, 21, 27),
                                        (50, 50, 24, 24, 24), (31, 90, 24, 24, 27)):
            size = (shorter, shorter * sh // sw) if sw < sh else (shorter * sw // sh, shorter)
            left, top = round((size[0] - ow) / 2), round((size[1] - oh) / 2)
            out = noise(sw, sh, 0).resize(size, pillow_filter)
            out = out.crop((left, top, left + ow, top + oh))
            name = f"{filter_number}_shorter_{sw}x{sh}_{ow}x{oh}.ppm"
            ppm(FOLDER / "resize" / name, np.asarray(out))
            lines.append(f"shorter {filter_number} 0 {sw} {sh} {ow} {oh} {shorter} 0 {name}")
        for sw, sh, ow, oh in ((97, 64, 24, 24), (31, 90, 24, 20), (10, 10, 31, 17), (300, 2, 16, 9)):
            scale = min(Fraction(ow, sw), Fraction(oh, sh))
            size = [max(1, math.floor(side * scale + Fraction(1, 2))) for side in (sw, sh)]
            out = Image.new("RGB", (ow, oh), PADDING)
            out.paste(noise(sw, sh, 0).resize(size, pillow_filter), ((ow - size[0]) // 2, (oh - size[1]) // 2))
            name = f"{filter_number}_contain_{sw}x{sh}_{ow}x{oh}.ppm"
            ppm(FOLDER / "resize" / name, np.asarray(out))
            lines.append(f"contain {filter_number} 0 {sw} {sh} {ow} {oh} 0 0 {name}")
    (FOLDER / "resize" / "list.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    for part in ("decode", "resize"):
        (FOLDER / part).mkdir(parents=True)
    make_jpegs()
    make_pngs()
    make_gifs()
    make_bmps()
    make_resizes()
    background = "%02x%02x%02x" % BACKGROUND
    (FOLDER / "decode" / "list.txt").write_text(
        "".join(f"{background} {name}\n" for name in names))
