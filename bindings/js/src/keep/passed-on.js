// SPDX-License-Identifier: Apache-2.0
// A download that is passed on before it is known how it will be kept: on a first visit the script
// that keeps it, and the store, come later than its first bytes. Part of the package's entry.

/** @typedef {import("../download.js").Download} Download */
/** @typedef {import("../source.js").OpenSource} OpenSource */
/** @typedef {import("./keeping.js").Keeping} Keeping */

/**
 * @param {Download} download which someone begins
 * @param {Promise<Keeping | undefined>} keeper rejects, or is undefined, where nothing is kept
 * @param {() => void} release lets go of the lock; the keeper's to call where there is one
 * @returns {OpenSource}
 */
export function passedOn(download, keeper, release) {
  /** Everything that has come is given to the keeper before anything else. */
  let given = keeper.catch(() => undefined);
  let isThere = false;
  given.then((one) => {
    isThere = true;
    if (!one) release();
  });
  /** @type {OpenSource} */
  const source = {
    from: "network",
    what: download.what,
    async read() {
      const piece = await download.read();
      if (piece) given = given.then((one) => one?.add(piece).then(() => one));
      if (isThere) await given; // at the pace of the disk, where that is far behind
      return piece;
    },
    cancel: () => download.cancel(),
    async settle(outcome) {
      if ("error" in outcome) return ((await given) ?? download).settle(outcome);
      source.noted = given.then((one) => one?.settle(outcome).then(() => one.noted)); // not waited for
    },
  };
  return source;
}
