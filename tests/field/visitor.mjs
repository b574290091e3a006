// SPDX-License-Identifier: Apache-2.0
// A process that tests/field/killed.test.mjs kills: visitor.mjs LIST KEY MEMORY opens the model of a list, says
// what serves, looks for an update, and says it again.
import { openModel } from "../../bindings/js/dist/field.js";

const [list, key, memory] = process.argv.slice(2);
const model = await openModel(list, { publicKeys: [key], memory, update: "never" });
process.stdout.write(`${model.version}\n`);
await model.checkForUpdate();
process.stdout.write(`${model.version}\n`);
await model.dispose();
