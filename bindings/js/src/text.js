// SPDX-License-Identifier: Apache-2.0
// The entry `mite/text`; ../text.d.ts documents it.
import { MiteError, messageOf } from "./errors.js";
import { bytesOf, openSource } from "./source.js";
import { Tokenizer } from "./text/tokenizer.js";

export { MiteError } from "./errors.js";
export { sentenceVectors, cosineSimilarity, modelInputs } from "./text/sentences.js";
export { Tokenizer } from "./text/tokenizer.js";

/**
 * @param {import("../mite.d.ts").Source} source
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<Tokenizer>}
 */
export async function loadTokenizer(source, { signal } = {}) {
  signal?.throwIfAborted();
  const opened = await openSource(source, signal);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  /** @type {any} */
  let json;
  try {
    for (let piece; (piece = await opened.read()); ) {
      text += decoder.decode(bytesOf(piece), { stream: true });
    }
    json = JSON.parse(text + decoder.decode());
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof MiteError) throw error;
    const page = /^\s*</.test(text) ? ": it looks like a web page" : "";
    throw new MiteError("format", `got no tokenizer.json from ${opened.what}${page || `: ${messageOf(error)}`}`, {
      cause: error,
    });
  }
  return new Tokenizer(json);
}
