// SPDX-License-Identifier: Apache-2.0
// Writes what bindings/js/src/delta.js reads: the differences of a file from a similar one.

const KEY = 12; // bytes that must agree before they are copied: a step costs about as much
const MOST_PLACES = 256; // that are tried for one place of the new file

/**
 * @param {Buffer} old
 * @param {Buffer} fresh
 * @returns {Buffer}
 */
export function differences(old, fresh) {
  const places = placesOf(old);
  const numbers = [];
  const added = [];
  let start = 0; // of what is not told yet
  let from = 0; // in the old file, where the last copy ended
  for (let at = 0; at < fresh.length;) {
    const { place, length } = longest(old, fresh, at, places);
    if (length < KEY) {
      at++;
      continue;
    }
    added.push(fresh.subarray(start, at));
    numbers.push(at - start, place - from, length);
    from = place + length;
    at += length;
    start = at;
  }
  added.push(fresh.subarray(start));
  numbers.push(fresh.length - start, 0, 0);
  const head = Buffer.from(Int32Array.of(numbers.length / 3, ...numbers).buffer);
  return Buffer.concat([head, ...added]);
}

/** @param {Buffer} bytes */
function placesOf(bytes) {
  /** @type {Map<string, number[]>} */
  const places = new Map();
  for (let at = 0; at + KEY <= bytes.length; at++) {
    const key = bytes.toString("latin1", at, at + KEY);
    const same = places.get(key);
    if (!same) places.set(key, [at]);
    else if (same.length < MOST_PLACES) same.push(at);
  }
  return places;
}

/**
 * @param {Buffer} old
 * @param {Buffer} fresh
 * @param {number} at
 * @param {Map<string, number[]>} places
 */
function longest(old, fresh, at, places) {
  const best = { place: 0, length: 0 };
  for (const place of places.get(fresh.toString("latin1", at, at + KEY)) ?? []) {
    let length = KEY;
    while (at + length < fresh.length && old[place + length] === fresh[at + length]) length++;
    if (length > best.length) Object.assign(best, { place, length });
  }
  return best;
}
