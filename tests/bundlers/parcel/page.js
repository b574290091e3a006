// SPDX-License-Identifier: Apache-2.0
// Without a worker of the page's own: see docs/compatibility.md for what Parcel does to those.
import { classify } from "./src/classify.js";

const output = document.querySelector("output");
classify().then(
  (found) => (output.textContent = JSON.stringify(found)),
  (error) => (output.textContent = JSON.stringify({ error: String(error) })),
);
