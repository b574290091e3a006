// SPDX-License-Identifier: Apache-2.0
import { classify } from "./src/classify.js";

console.log(JSON.stringify(await classify(process.argv[2], process.argv[3])));
