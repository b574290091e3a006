// SPDX-License-Identifier: Apache-2.0
// mite/ort: the interface of onnxruntime-web over mite; ../ort.d.ts documents it.
import { env } from "./ort/env.js";
import { InferenceSession } from "./ort/session.js";
import { Tensor } from "./ort/tensor.js";

export { InferenceSession, Tensor, env };

export default { InferenceSession, Tensor, env };
