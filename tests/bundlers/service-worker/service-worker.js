// SPDX-License-Identifier: Apache-2.0
// Module and weights are fetched once, when the worker is installed, as those do that must answer
// offline. There are no workers inside a service worker and no import(). With #plain it leaves all to
// the defaults.
import { features, load } from "./node_modules/mite/dist/index.js";

const dist = "./node_modules/mite/dist";
const address = "/models/efficientnet-lite0.int8.mite";
const files = caches.open("mite");
let wasm;

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
addEventListener("message", ({ data, source }) => {
  classify(data).then(
    (answer) => source.postMessage(answer),
    (error) => source.postMessage({ error: String(error) }),
  );
});

const moduleFile = () => `${dist}/mite-${features().relaxedSimd ? "relaxed.wasm" : "simd.wasm.gz"}`;

async function compile(cached) {
  const response = await cached(moduleFile());
  if (!response.url.endsWith(".gz")) return WebAssembly.compileStreaming(response);
  const unpacked = new Response(response.body.pipeThrough(new DecompressionStream("gzip")));
  return WebAssembly.compile(await unpacked.arrayBuffer());
}

async function install() {
  await (await files).addAll([moduleFile(), address]);
  await self.skipWaiting();
}

async function classify(hash) {
  const cached = async (file) => (await files).match(file);
  wasm ??= await compile(cached);
  const model =
    hash === "#plain" ? await load(address) : await load(await cached(address), { wasm, worker: false });
  const { top } = await model.classify(await (await fetch("/photo.jpg")).blob());
  const { runtime } = model;
  await model.dispose();
  return { ...top[0], runtime };
}
