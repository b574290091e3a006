// SPDX-License-Identifier: Apache-2.0
const output = document.querySelector("output");
const show = (answer) => (output.textContent = JSON.stringify(answer));

async function ask() {
  if (!navigator.serviceWorker) return show({ error: "no service workers here" });
  await navigator.serviceWorker.register("./service-worker.js", { type: "module" });
  const { active } = await navigator.serviceWorker.ready;
  navigator.serviceWorker.onmessage = ({ data }) => show(data);
  active.postMessage(location.hash);
}

ask().catch((error) => show({ error: String(error) }));
