// SPDX-License-Identifier: Apache-2.0
// One request of `mite batch` at a time: instances of its own for every model, so that nothing of
// one is seen by the next.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parentPort } from "node:worker_threads";
import { compileRuntime, withMore } from "../compile.js";
import { convert } from "../convert.js";
import { checkSession, newSession, sessionPort } from "../engine.js";
import { MiteError, messageOf } from "../errors.js";
import { receiveModel } from "../receive.js";
import { openSource } from "../source.js";
import { types } from "../tensors.js";
import { instantiate } from "../wasm.js";
import { filesBeside } from "../beside.js";
import { readNpyRaw, npyParts } from "./npy.js";

/** @typedef {import("./batch.js").Request} Request */
/** @typedef {import("./npy.js").Raw} Raw */
/** @typedef {import("../wasm.js").Wasm} Wasm */
/** @typedef {import("../../mite.d.ts").Port} Port */

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);

port.on("message", async (/** @type {Request & { maxBytes: number }} */ request) => {
  try {
    port.postMessage({ ok: true, outputs: await serve(request) });
  } catch (error) {
    port.postMessage({ ok: false, error: messageOf(error).replace(/\s*\n\s*/g, " ") });
  }
});

/** @param {Request & { maxBytes: number }} request */
async function serve({ model, inputs = {}, outputs_dir: folder, output_names: wanted, maxBytes }) {
  const arrays = new Map();
  for (const [name, path] of Object.entries(inputs)) {
    arrays.set(name, readNpyRaw(await readFile(path), path));
  }
  const { bytes } = await convert(await readFile(model), {
    inputShapes: Object.fromEntries([...arrays].map(([name, { shape }]) => [name, shape])),
    files: filesBeside(model),
    selfTest: false,
    maxBytes,
  });
  // Every operator: models here may need any.
  const compiled = await withMore(compileRuntime());
  const wasm = await instantiate(compiled.module, compiled);
  const handle = await receiveModel(wasm, await openSource(bytes), {});
  const session = newSession(wasm, handle, 1, maxBytes / 2);
  const count = wasm.calls.model_input_count(handle);
  for (let index = 0; index < count; index++) fill(wasm, session, index, arrays);
  checkSession(wasm, session, wasm.calls.session_run(session));
  await mkdir(folder, { recursive: true });
  /** @type {Record<string, string>} */
  const outputs = {};
  for (let index = 0; index < wasm.calls.model_output_count(handle); index++) {
    const { name, dtype, shape, address, bytes: size } = sessionPort(wasm, session, true, index);
    if (wanted && !wanted.includes(name)) continue;
    const data = new types[dtype].array(wasm.slice(address, size).buffer);
    outputs[name] = join(folder, `o${index}.npy`);
    await writeFile(outputs[name], npyParts({ data, shape, dtype }));
  }
  return outputs;
}

/**
 * @param {Wasm} wasm
 * @param {number} session
 * @param {number} index
 * @param {Map<string, Raw>} arrays
 */
function fill(wasm, session, index, arrays) {
  const { name, dtype, shape, address, bytes } = sessionPort(wasm, session, false, index);
  const array = arrays.get(name);
  if (!array) throw new MiteError("argument", `no file is given for the input '${name}'`);
  if (array.dtype !== dtype || array.bytes.length !== bytes) {
    throw new MiteError(
      "argument",
      `input '${name}' wants ${dtype} [${shape}], but was given ${array.dtype} [${array.shape}]`,
    );
  }
  wasm.bytes.set(array.bytes, address);
}
