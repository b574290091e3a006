// SPDX-License-Identifier: Apache-2.0
// A page's script: puts the answer where the test finds it. With #worker, mite is used by a worker of
// the page's own, from where it starts another.
import { classify } from "./classify.js";

function classifyInWorker() {
  const worker = new Worker(new URL("./own-worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => ("error" in data ? reject(data.error) : resolve(data));
    worker.onerror = ({ message }) => reject(message);
  });
}

const output = document.querySelector("output");
const answer = location.hash === "#worker" ? classifyInWorker() : classify();
answer.then(
  (found) => (output.textContent = JSON.stringify(found)),
  (error) => (output.textContent = JSON.stringify({ error: String(error) })),
);
