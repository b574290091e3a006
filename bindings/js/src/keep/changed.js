// SPDX-License-Identifier: Apache-2.0
// Asks a server whether a file that something is kept of has changed.

/** @typedef {import("../download.js").Answer} Answer */
/** @typedef {import("../download.js").Identity} Identity */

const PATIENCE_MS = 3000; // what is kept is used rather than waited for longer

/**
 * @param {string} address
 * @param {Identity} identity of the file as it was
 * @param {(answer: Answer) => Promise<Answer | undefined>} otherFile of a 200: the answer, from its
 *   beginning, if it is about another file
 * @param {Pick<import("./keep.js").Tools, "ask" | "MiteError">} tools
 * @param {{ signal?: AbortSignal, kept?: boolean }} options kept: as of `ask`
 * @returns {Promise<Answer | undefined>} the other file that the server has now; undefined where what
 *   is kept is to be used: it has not changed, or there is no network to speak of
 */
export async function changedFile(address, identity, otherFile, { ask, MiteError }, { signal, kept }) {
  const impatience = new AbortController();
  const stop = () => impatience.abort();
  /** @type {Answer} */
  let answer;
  const timer = setTimeout(stop, PATIENCE_MS);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    answer = await ask(address, { ifChanged: true, kept, signal: impatience.signal, identity });
    const other = answer.status === 200 ? await otherFile(answer) : undefined;
    if (other) return other;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
  answer.cancel();
  const { status, reason } = answer;
  if (status < 400 || status === 408 || status === 429 || status >= 500) return undefined;
  const said = `${status}${reason ? ` (${reason})` : ""}`;
  throw new MiteError("network", `the server answered ${said} for ${address}`);
}
