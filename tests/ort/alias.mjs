// SPDX-License-Identifier: Apache-2.0
// node --import ./alias.mjs: every package of onnxruntime is mite/ort, or the module that ORT_MODULE names.
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const { ORT_MODULE = "bindings/js/dist/ort.js" } = process.env;

registerHooks({
  resolve(specifier, context, next) {
    const own = context.parentURL?.includes("/bench/"); // what the original itself imports
    return !own && /^onnxruntime-(web|node|common)(\/|$)/.test(specifier)
      ? { url: pathToFileURL(ORT_MODULE).href, format: "module", shortCircuit: true }
      : next(specifier, context);
  },
});
