// SPDX-License-Identifier: Apache-2.0
// The scripts of mite's workers as one, for embedded.js, which sets the name of the one that is meant.
const { miteWorker } = /** @type {{ miteWorker?: string }} */ (globalThis);

if (miteWorker === "helper.js") import("./helper.js");
else import("./worker.js");
