// SPDX-License-Identifier: Apache-2.0
// The page without a network. With one, the network's answer is taken, so that nobody sees yesterday's
// page; without, what was kept. Models are not kept here but by mite, which verifies them.

const PAGES = "mite-demo";
const MODELS = "mite-demo-beside"; // small files beside models: tokenizers, labels
const PATIENCE = 4000; // milliseconds for a network that does not answer

/** @type {any} TypeScript takes this file for a page's */
const worker = globalThis;

worker.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(renew().then(() => worker.skipWaiting()));
});
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data === "renew") event.waitUntil(renew().then(tellKept, tellKept));
});

/** Fetches the list, and if it is not the kept one's version all that is on it. */
async function renew() {
  const answer = await fetch("/files.json", { cache: "no-store" });
  const list = await answer.clone().json();
  if ((await keptVersion()) === list.version) return;
  const pages = await caches.open(PAGES);
  const wanted = new Set(list.shell.map((/** @type {{ path: string }} */ { path }) => path));
  await Promise.all([...wanted, "/"].map(async (path) => {
    const file = await fetch(path, { cache: "no-cache" });
    if (!file.ok) throw new Error(`${path}: ${file.status}`);
    await pages.put(path, file);
  }));
  await pages.put("/files.json", answer); // last: it says that the others are there
  for (const request of await pages.keys()) {
    const { pathname } = new URL(request.url);
    if (!wanted.has(pathname) && pathname !== "/" && pathname !== "/files.json") await pages.delete(request);
  }
}

async function keptVersion() {
  const list = await caches.match("/files.json", { cacheName: PAGES });
  return list && (await list.json()).version;
}

async function tellKept() {
  const kept = await keptVersion();
  if (!kept) return;
  for (const client of await worker.clients.matchAll()) client.postMessage({ kept });
}

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request, clientId } = event;
  const url = new URL(request.url);
  const at = performance.timeOrigin + performance.now();
  event.waitUntil(tellAsked(clientId, url, at));
  const beside = /^\/(models|more)\/.*\.(json|txt)$/.test(url.pathname);
  const large = /^\/(models|more|peer)\//.test(url.pathname) && !beside;
  if (request.method !== "GET" || url.origin !== worker.location.origin || large) return;
  event.respondWith(networkFirst(request, beside));
});

/** @param {Request} request @param {boolean} keep */
async function networkFirst(request, keep) {
  const kept = await caches.match(request, { ignoreSearch: true, ignoreVary: true });
  // With something in hand, a network that does not answer is not waited for.
  const patience = kept ? AbortSignal.timeout(PATIENCE) : undefined;
  try {
    const answer = await fetch(request, { signal: patience });
    if (keep && answer.ok) await (await caches.open(MODELS)).put(request, answer.clone());
    return answer;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

/**
 * A page does not see what its workers ask for, and is told of it.
 * @param {string} clientId
 * @param {URL} url
 * @param {number} at
 */
async function tellAsked(clientId, { origin, pathname, host }, at) {
  const client = await worker.clients.get(clientId);
  if (client?.type !== "worker" && client?.type !== "sharedworker") return;
  const asked = origin === worker.location.origin ? pathname : host + pathname;
  for (const page of await worker.clients.matchAll({ type: "window" })) page.postMessage({ asked, at });
}
