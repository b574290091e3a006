// SPDX-License-Identifier: Apache-2.0
// unshare.mjs IN OUT: copies a module, declaring its memory as not shared (bindings/js/src/sharing.js).
import { readFileSync, writeFileSync } from "node:fs";
import { setShared } from "../bindings/js/src/sharing.js";

const [from, to] = process.argv.slice(2);
const module = readFileSync(from);
if (!setShared(module, false)) throw new Error(`${from} imports no memory`);
writeFileSync(to, module);
