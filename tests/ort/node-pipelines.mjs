// SPDX-License-Identifier: Apache-2.0
// node --import ./alias.mjs node-pipelines.mjs TRANSFORMERS MODELS PICTURE [BERT DTYPE]
// Without alias.mjs and with ORT_SYMBOL set, that module goes under the symbol that the package looks at.
import { pathToFileURL } from "node:url";
import { answers } from "./pipelines.mjs";

const [transformers, models, picture, bert, dtype] = process.argv.slice(2);
const { ORT_SYMBOL: symbol, ORT_FILES: original } = process.env;
if (symbol) globalThis[Symbol.for("onnxruntime")] = await import(pathToFileURL(symbol).href);
const client = await import(pathToFileURL(transformers).href);
const device = symbol ? "auto" : undefined;
console.log(JSON.stringify(await answers(client, models, picture, { bert, dtype, device, original })));
