// SPDX-License-Identifier: Apache-2.0
// What an application does with transformers.js, the same in Node and in a page: two pipelines from
// local files.

/**
 * @param {any} transformers the package
 * @param {string} models address or folder of the models, with / at its end
 * @param {string} picture
 * @param {{ bert?: string, dtype?: string, device?: string, original?: string }} [which] original: the
 *   address of onnxruntime-web's files, where it is the one to answer
 */
export async function answers(
  { env, pipeline },
  models,
  picture,
  { bert = "tiny-bert", dtype = "fp32", device, original } = {},
) {
  if (original) Object.assign(env.backends.onnx.wasm, { wasmPaths: original, numThreads: 1 });
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = models;
  env.useBrowserCache = false;
  const extract = await pipeline("feature-extraction", bert, { dtype, device });
  const features = [];
  // Two sentences of unlike length are padded to one; the second call has other shapes.
  for (const text of [["The happy cat sat on the mat.", "A dog ran."], "Large house in park, unseen words"]) {
    for (const options of [{}, { pooling: "mean", normalize: true }]) {
      const { dims, data } = await extract(text, options);
      features.push({ dims, data: Array.from(data) });
    }
  }
  await extract.dispose();
  const classify = await pipeline("image-classification", "tiny-vit", { dtype: "fp32", device });
  const classes = await classify(picture, { top_k: 5 });
  const both = await classify([picture, picture]);
  await classify.dispose();
  return { features, classes, both };
}
