// SPDX-License-Identifier: Apache-2.0
// Extensions may have no import map: it would be an inline script.
import { load } from "./node_modules/mite/dist/index.js";

async function classify() {
  const model = await load("./models/efficientnet-lite0.int8.mite");
  const { top } = await model.classify("./photo.jpg");
  const { runtime } = model;
  await model.dispose();
  return { ...top[0], runtime };
}

const output = document.querySelector("output");
classify().then(
  (found) => (output.textContent = JSON.stringify(found)),
  (error) => (output.textContent = JSON.stringify({ error: String(error) })),
);
