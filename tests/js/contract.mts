// SPDX-License-Identifier: Apache-2.0
// Compiled, never run: the code has the types that the hand-kept .d.ts files promise.
import * as convertCode from "../../bindings/js/src/convert.js";
import * as code from "../../bindings/js/src/index.js";
import type * as convertPromised from "../../bindings/js/convert.d.ts";
import type * as promised from "../../bindings/js/mite.d.ts";

export const main: typeof promised = code;
export const convert: typeof convertPromised = convertCode;
