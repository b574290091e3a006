// SPDX-License-Identifier: Apache-2.0
// A file told by its differences from a similar one; tools/delta.mjs writes them. First the number of
// steps, then these: how many new bytes, how far on from where the last copy ended, how many bytes to
// copy from there, each a little-endian int32. The new bytes of all steps follow.

/**
 * @param {Uint8Array} old
 * @param {Uint8Array} delta
 * @returns {Uint8Array<ArrayBuffer>} the new file
 */
export function patch(old, delta) {
  const view = new DataView(delta.buffer, delta.byteOffset);
  const end = 4 + 12 * view.getInt32(0, true);
  /** @type {Uint8Array[]} */
  const pieces = [];
  let fresh = end;
  let from = 0;
  for (let step = 4; step < end; step += 12) {
    const [added, skipped, copied] = [0, 4, 8].map((field) => view.getInt32(step + field, true));
    pieces.push(delta.subarray(fresh, (fresh += added)));
    from += skipped;
    pieces.push(old.subarray(from, (from += copied)));
  }
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const made = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    made.set(piece, at);
    at += piece.length;
  }
  return made;
}
