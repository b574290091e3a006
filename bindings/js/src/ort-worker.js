// SPDX-License-Identifier: Apache-2.0
// Prepares one model beside the thread that wants it, and is ended: the converter's memory goes with
// it. In a page's module worker and in Node's worker thread.
//
//   worker → client     { ready: true }
//   client → worker     Request (ort-convert.js)
//   worker → client     { prepared: Prepared } or { error: PlainError }
import { toPlain } from "./errors.js";
import { prepare } from "./ort-convert.js";
import { isNode, nodeModule } from "./platform.js";

/** @param {import("./ort-convert.js").Request} request */
async function answer(request) {
  try {
    const prepared = await prepare(request);
    const buffers = [prepared.file, prepared.source].flatMap((bytes) => bytes?.buffer ?? []);
    post({ prepared }, buffers);
  } catch (error) {
    post({ error: toPlain(error) }, []);
  }
}

/** @returns {(message: unknown, transfer: ArrayBuffer[]) => void} */
function connect() {
  if (isNode) {
    const { parentPort } = nodeModule("node:worker_threads");
    parentPort.on("message", answer);
    return (message, transfer) => parentPort.postMessage(message, transfer);
  }
  addEventListener("message", ({ data }) => answer(data));
  return (message, transfer) => postMessage(message, { transfer });
}

const post = connect(); // without await: bundlers may make this a classic script
post({ ready: true }, []);
