// SPDX-License-Identifier: Apache-2.0
// A roofline picture: every node's rate over its intensity (operations a byte that it must move),
// beside what the core computes and what cache and memory deliver (Williams, Waterman, Patterson, 2009).

const SIZE = { width: 860, height: 520, left: 70, right: 20, top: 56, bottom: 56 };
const COLOURS = /** @type {Record<string, string>} */ ({ f32: "#2563c9", int8: "#c2410c" });

/** @param {number} from @param {number} to @param {number} start @param {number} end */
function logScale(from, to, start, end) {
  const [low, high] = [Math.log10(from), Math.log10(to)];
  return (/** @type {number} */ v) => start + ((Math.log10(v) - low) / (high - low)) * (end - start);
}

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const at = (/** @type {number} */ v) => v.toFixed(1);

/**
 * @param {string} title
 * @param {import("./limits.mjs").Limits} limits
 * @param {readonly { kind: string, nodes: readonly any[] }[]} profiles nodes with ms, macs and bytes
 */
export function roofline(title, limits, profiles) {
  const { width, height, left, right, top, bottom } = SIZE;
  const dots = profiles.flatMap(({ kind, nodes }) => {
    const total = nodes.reduce((sum, { ms }) => sum + ms, 0);
    return nodes
      .filter(({ macs, ms, bytes }) => macs > 0 && ms > 0 && bytes > 0)
      .map((node) => ({
        ...{ kind, name: node.name, kernel: node.kernel, ms: node.ms, share: node.ms / total },
        intensity: (2 * node.macs) / node.bytes,
        rate: (2 * node.macs) / node.ms / 1e6,
      }));
  });
  const kinds = [...new Set(dots.map(({ kind }) => kind))];
  const peak = Math.max(...kinds.map((kind) => limits[/** @type {"f32" | "int8"} */ (kind)]));
  const lowest = Math.min(...dots.map(({ rate }) => rate), peak / 20);
  const intensities = dots.map(({ intensity }) => intensity);
  const xs = [Math.min(0.5, ...intensities) / 1.3, Math.max(500, ...intensities) * 1.3];
  const ys = [lowest / 1.5, peak * 1.6];
  const x = logScale(xs[0], xs[1], left, width - right);
  const y = logScale(ys[0], ys[1], height - bottom, top);

  /** @type {string[]} */
  const out = [];
  const text = (/** @type {number} */ px, /** @type {number} */ py, /** @type {string} */ words, more = "") =>
    out.push(`<text x="${at(px)}" y="${at(py)}" ${more}>${escaped(words)}</text>`);
  const line = (/** @type {number[]} */ [x1, y1, x2, y2], /** @type {string} */ more) =>
    out.push(`<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" ${more}/>`);

  for (const [scale, [from, to], vertical] of /** @type {const} */ ([[x, xs, true], [y, ys, false]])) {
    for (let power = Math.floor(Math.log10(from)); 10 ** power <= to; power++) {
      for (const digit of [1, 2, 5]) {
        const value = digit * 10 ** power;
        if (value < from || value > to) continue;
        const p = scale(value);
        if (vertical) {
          line([p, top, p, height - bottom], 'class="grid"');
          text(p, height - bottom + 18, `${value}`, 'text-anchor="middle"');
        } else {
          line([left, p, width - right, p], 'class="grid"');
          text(left - 8, p + 4, `${value}`, 'text-anchor="end"');
        }
      }
    }
  }
  for (const kind of kinds) {
    const rate = limits[/** @type {"f32" | "int8"} */ (kind)];
    line([x(Math.max(xs[0], rate / limits.cache)), y(rate), width - right, y(rate)], `stroke="${COLOURS[kind]}" class="roof"`);
    text(width - right - 6, y(rate) - 7, `${kind} registers: ${rate.toFixed(0)} Gop/s`, `text-anchor="end" fill="${COLOURS[kind]}"`);
  }
  for (const [name, speed, where] of /** @type {const} */ ([["cache", limits.cache, 0.62], ["memory", limits.memory, 0.8]])) {
    const end = Math.min(peak / speed, xs[1]);
    const begin = Math.max(xs[0], ys[0] / speed);
    line([x(begin), y(begin * speed), x(end), y(end * speed)], 'class="roof slope"');
    const along = 10 ** (Math.log10(begin) + where * (Math.log10(end) - Math.log10(begin)));
    const angle = (Math.atan2(y(speed * end) - y(speed * begin), x(end) - x(begin)) * 180) / Math.PI;
    const spot = `${at(x(along))} ${at(y(along * speed) - 7)}`;
    out.push(`<text transform="translate(${spot}) rotate(${at(angle)})" text-anchor="middle">${name}: ${speed.toFixed(0)} GB/s</text>`);
  }
  for (const dot of dots.sort((a, b) => b.share - a.share)) {
    const label = `${dot.name} (${dot.kernel}): ${dot.ms.toFixed(3)} ms, ${dot.rate.toFixed(1)} Gop/s, ${dot.intensity.toFixed(1)} op/byte`;
    const radius = 2.5 + 34 * Math.sqrt(dot.share / Math.PI);
    out.push(
      `<circle cx="${at(x(dot.intensity))}" cy="${at(y(dot.rate))}" r="${at(radius)}" fill="${COLOURS[dot.kind]}"><title>${escaped(label)}</title></circle>`,
    );
  }
  text(left, 22, title, 'class="title"');
  text(left, 40, `one thread; a dot is a node, its area the node's share of the time: ${kinds.join(" (blue) and ")}${kinds.length > 1 ? " (orange)" : ""}`);
  text((left + width - right) / 2, height - 14, "operations a byte moved", 'text-anchor="middle"');
  out.push(`<text transform="translate(16 ${at((top + height - bottom) / 2)}) rotate(-90)" text-anchor="middle">Gop/s</text>`);
  const style = `text{font:12px sans-serif;fill:#333}.title{font-size:15px;font-weight:bold}.grid{stroke:#e4e4e4}.roof{stroke-width:2;fill:none}.slope{stroke:#777;stroke-dasharray:6 4}circle{fill-opacity:.55;stroke:#fff;stroke-width:.6}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<style>${style}</style><rect width="${width}" height="${height}" fill="#fff"/>
${out.join("\n")}
</svg>
`;
}
