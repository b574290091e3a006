// SPDX-License-Identifier: Apache-2.0
// SHA-256 of the int8 network's logits in this engine; tests/models/bits.txt says what it must be.
import { load } from "/mite/src/index.js";
import { seededInputs } from "/mite/src/self-test.js";

const model = await load("/models/efficientnet-lite0/efficientnet-lite0.int8.mite");
const input = seededInputs(model.inputs, { seed: 1, low: -1, high: 1 });
const { logits } = await model.run(input);
const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", logits.data));
const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
document.getElementById("bits").textContent =
  `${hex} ${model.runtime.build} ${model.runtime.worker ? "worker" : "page"} ${model.runtime.note ?? ""}`;
