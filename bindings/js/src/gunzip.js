// SPDX-License-Identifier: Apache-2.0
import { isNode, nodeModule } from "./platform.js";

/**
 * @param {Uint8Array<ArrayBuffer>} packed
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function gunzip(packed) {
  if (isNode) return nodeModule("node:zlib").gunzipSync(packed);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
