// SPDX-License-Identifier: Apache-2.0
// GPT-2's way to write any byte as a visible character: printable Latin-1 stands for itself, the
// other bytes, in order, for the characters from U+0100 on.

const printable = (/** @type {number} */ byte) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

/** @type {string[]} */
const characterOf = [];
/** @type {Map<string, number>} */
const byteOf = new Map();
for (let byte = 0, others = 0; byte < 256; byte++) {
  const character = String.fromCharCode(printable(byte) ? byte : 0x100 + others++);
  characterOf.push(character);
  byteOf.set(character, byte);
}

const encoder = new TextEncoder();

/** @param {string} text */
export function toByteCharacters(text) {
  let out = "";
  for (const byte of encoder.encode(text)) out += characterOf[byte];
  return out;
}

/**
 * Bytes that are no UTF-8 become U+FFFD; a text with a character that stands for no byte is kept.
 * @param {string} token
 * @returns {Uint8Array}
 */
export function bytesOfCharacters(token) {
  const bytes = [...token].map((character) => byteOf.get(character));
  return bytes.every((byte) => byte !== undefined)
    ? Uint8Array.from(/** @type {number[]} */ (bytes))
    : encoder.encode(token);
}
