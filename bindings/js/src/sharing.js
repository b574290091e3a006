// SPDX-License-Identifier: Apache-2.0
// One .wasm file serves one thread and many: whether the memory that it imports is shared is one
// bit of its import section. Files lie on disk for plain memory; where threads are wanted the bit
// is set before the file is compiled.

const IMPORTS = 2; // section number
const MEMORY = 2; // kind of an import
const SHARED = 2; // bit of a memory's limits

/**
 * Declares the memory that a mite module imports as shared or not, in place.
 * @param {Uint8Array} module its bytes
 * @param {boolean} shared
 * @returns {boolean} false: this is no module of that kind, and was left alone
 */
export function setShared(module, shared) {
  let at = 8; // after "\0asm" and the version
  const number = () => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = module[at++];
      value |= (byte & 127) << shift;
      if (!(byte & 128)) break;
    }
    return value;
  };
  const skipName = () => (at = number() + at);
  while (at < module.length) {
    const section = module[at++];
    const bytes = number();
    if (section !== IMPORTS) {
      at += bytes;
      continue;
    }
    for (let count = number(); count > 0 && at < module.length; count--) {
      skipName();
      skipName();
      const kind = module[at++];
      if (kind === MEMORY) {
        module[at] = shared ? module[at] | SHARED : module[at] & ~SHARED;
        return true;
      }
      if (kind !== 0) return false; // tables, globals: mite modules import none
      number(); // a function's type
    }
  }
  return false;
}
