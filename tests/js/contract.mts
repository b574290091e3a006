// SPDX-License-Identifier: Apache-2.0
// Compiled, never run: the code has the types that the hand-kept .d.ts files promise.
import * as convertCode from "../../bindings/js/src/convert.js";
import * as fieldCode from "../../bindings/js/src/field.js";
import * as code from "../../bindings/js/src/index.js";
import * as ortCode from "../../bindings/js/src/ort.js";
import type * as convertPromised from "../../bindings/js/convert.d.ts";
import type * as fieldPromised from "../../bindings/js/field.d.ts";
import type * as promised from "../../bindings/js/mite.d.ts";
import type * as ortPromised from "../../bindings/js/ort.d.ts";

export const main: typeof promised = code;
export const convert: typeof convertPromised = convertCode;
export const field: typeof fieldPromised = fieldCode;
export const session: typeof ortPromised.InferenceSession = ortCode.InferenceSession;
export const tensor = ortCode.Tensor as typeof ortPromised.Tensor; // whose overloads code cannot have
export const env: typeof ortPromised.env = ortCode.env;
