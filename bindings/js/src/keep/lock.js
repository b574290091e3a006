// SPDX-License-Identifier: Apache-2.0
// Turns that pages of one origin take.

/**
 * @param {string} name
 * @param {LockOptions} options
 * @returns {Promise<(() => void) | undefined>} lets go of it; undefined if it was not available
 */
export function lock(name, options) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, options, (held) => {
        if (!held) return resolve(undefined);
        return new Promise((release) => resolve(() => release(undefined)));
      })
      // Pages that may have no locks do without.
      .catch((error) => (options.signal?.aborted ? reject(error) : resolve(() => {})));
  });
}
