// SPDX-License-Identifier: Apache-2.0
// An import map holds for its page only, so a worker without a bundler names the file.
import { load } from "./node_modules/mite/dist/index.js";

async function classify() {
  const model = await load("/models/efficientnet-lite0.int8.mite");
  const { top } = await model.classify("/photo.jpg");
  const { runtime } = model;
  await model.dispose();
  return { ...top[0], runtime };
}

classify().then(postMessage, (error) => postMessage({ error: String(error) }));
