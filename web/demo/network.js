// SPDX-License-Identifier: Apache-2.0
// The page watches itself: every request that it or its workers make is listed, and those that fall into
// an inference are counted. There are none; that is the point.
import { bytesText, element, make } from "./page.js";

const MOST_LINES = 60;
const MOST_RUNS = 500;
const PAUSE = 100; // milliseconds between two drawings

/** @typedef {{ begin: number, end: number }} Run in milliseconds, as performance.now() counts */

/** @type {Run[]} */
const runs = [];
/** @type {number[]} When requests began. */
const requests = [];
/** @type {Set<number>} Of those, the ones that began during a run: their places. */
const during = new Set();
let count = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let drawing;

/**
 * Runs something that must make no request, and counts those that are made meanwhile.
 * @template T
 * @param {() => Promise<T>} run
 * @returns {Promise<T>}
 */
export async function watched(run) {
  const mine = { begin: performance.now(), end: Infinity };
  runs.push(mine);
  if (runs.length > MOST_RUNS) runs.shift();
  try {
    return await run();
  } finally {
    mine.end = performance.now();
    count++;
    draw();
  }
}

/**
 * @param {number} begin
 * @param {string} what
 * @param {string} how
 */
function note(begin, what, how) {
  requests.push(begin);
  if (runs.some((run) => run.begin < begin && begin < run.end)) during.add(requests.length - 1);
  const lines = element("log");
  const time = `${(begin / 1000).toFixed(1)} s`;
  lines.prepend(make("li", {}, make("span", {}, time), make("span", {}, what), make("span", {}, how)));
  while (lines.childElementCount > MOST_LINES) lines.lastElementChild?.remove();
  draw();
}

/** Not at every run: a camera has many a second. */
function draw() {
  drawing ??= setTimeout(() => {
    drawing = undefined;
    const inferences = `${count.toLocaleString("en")} ${count === 1 ? "inference" : "inferences"}`;
    element("sent").textContent = `${during.size} requests in ${inferences}`;
    element("requests").textContent = String(during.size);
    element("inferences").textContent = inferences;
  }, PAUSE);
}

new PerformanceObserver((list) => {
  for (const entry of /** @type {PerformanceResourceTiming[]} */ (list.getEntries())) {
    if (!/^https?:/.test(entry.name)) continue; // data and blobs lie in this page already
    const { origin, pathname, host } = new URL(entry.name);
    const bytes = entry.transferSize;
    const kept = entry.workerStart ? "through the page's own worker" : "from this device";
    const how = bytes ? `${bytesText(bytes)} received` : kept;
    note(entry.startTime, origin === location.origin ? pathname : `${host}${pathname}`, how);
  }
}).observe({ type: "resource", buffered: true });

// What workers ask for is not in the page's own record; the service worker sees it.
navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  if (data.asked) note(data.at - performance.timeOrigin, data.asked, "by a worker of this page");
});
