// SPDX-License-Identifier: Apache-2.0
// Keeps the page itself for times without a network, and offers to install it. Models are kept by mite.
import { element } from "./page.js";

let asked = false;

/** Once the visitor has seen something work: what is fetched for later must not delay that. */
export async function keepPage() {
  if (asked) return;
  asked = true;
  if (!navigator.serviceWorker) {
    say("This browser keeps no pages, so flight mode needs this one to stay open.");
    return;
  }
  try {
    await navigator.serviceWorker.register("/sw.js");
    const { active } = await navigator.serviceWorker.ready;
    active?.postMessage("renew");
  } catch {
    say("This browser would not keep the page, so flight mode needs it to stay open.");
  }
}

/** @param {string} text */
function say(text) {
  element("flight").textContent = text;
}

navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  if (!data.kept) return;
  document.documentElement.dataset.kept = data.kept;
  say("This page is kept on your device. Switch on flight mode, reload, and go on.");
});
if (navigator.serviceWorker?.controller) keepPage();

/** @type {any} Chromium's BeforeInstallPromptEvent */
let offer;
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offer = event;
  element("install").hidden = false;
});
addEventListener("appinstalled", () => (element("install").hidden = true));
element("install").addEventListener("click", async () => {
  await offer?.prompt();
  element("install").hidden = true;
});
