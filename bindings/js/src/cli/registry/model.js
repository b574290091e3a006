// SPDX-License-Identifier: Apache-2.0
// Whether a model is one, and computes here what it should.
import { load } from "../../index.js";

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<{ selfTest: string, metadata: import("../../../mite.d.ts").Metadata }>} the self-test's
 *   outcome in words; it rejects where the file is no good model
 */
export async function checkModel(bytes) {
  const model = await load(bytes);
  try {
    const { metadata } = model;
    if (!metadata.selfTest) return { metadata, selfTest: "no self-test in it" };
    const { ok, maxDifference, tolerance } = await model.selfTest();
    if (!ok) throw new Error(`its self-test fails here: largest difference ${maxDifference}, allowed ${tolerance}`);
    return { metadata, selfTest: "self-test passed" };
  } finally {
    await model.dispose();
  }
}
