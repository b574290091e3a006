// SPDX-License-Identifier: Apache-2.0
// node --import ./alias.mjs node-pipelines.mjs TRANSFORMERS MODELS PICTURE [BERT DTYPE]
import { pathToFileURL } from "node:url";
import { answers } from "./pipelines.mjs";

const [transformers, models, picture, bert, dtype] = process.argv.slice(2);
const original = process.env.ORT_FILES;
const said = await answers(await import(pathToFileURL(transformers).href), models, picture, {
  bert,
  dtype,
  original,
});
console.log(JSON.stringify(said));
