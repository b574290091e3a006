// SPDX-License-Identifier: Apache-2.0
// mite beside onnxruntime-web: the same ONNX file, the same picture, in this browser, now.
import { imageTensor } from "/mite/dist/image.js";
import { bytesOfModel, peerFiles, runtimeBytes } from "./available.js";
import { bytesText, element, make, median, ms, sentence } from "./page.js";
import { thePhoto } from "./stage.js";

/** @typedef {import("./compare-worker.js").Compared} Compared */
/** @typedef {import("./compare-worker.js").Input} Input */
/** @typedef {import("./compare-worker.js").Message} Message */
/** @typedef {() => Promise<Record<string, Input>>} MakeInputs */
/** @typedef {{ title: string, onnx: () => Promise<Blob>, inputs: MakeInputs }} Choice */

const SAMPLE = "/samples/coffee.jpg"; // where no photo has been chosen
const METADATA = "/models/efficientnet-lite0/metadata.json";
const served = {
  "EfficientNet-Lite0, 32-bit floats": "/more/efficientnet-lite0/efficientnet_lite0.onnx",
  "EfficientNet-Lite0, 8-bit integers": "/more/efficientnet-lite0/efficientnet_lite0_int8.onnx",
};

/** @type {Choice[]} */
const choices = [];
const select = /** @type {HTMLSelectElement} */ (element("compare-what"));
const button = /** @type {HTMLButtonElement} */ (element("compare-run"));
/** @type {AbortController | undefined} Of the comparison that is under way. */
let running;

/** Offers the tab, if the peer's files are here. */
export async function offerComparison() {
  const here = (await peerFiles()).length > 0;
  element("compare-tab").hidden = !here;
  element("compare-absent").hidden = here;
  if (!here) return;
  for (const [title, path] of Object.entries(served)) {
    const bytes = await bytesOfModel(path);
    if (!bytes) continue;
    const onnx = async () => (await fetch(path)).blob();
    choices.push({ title: `${title} (${bytesText(bytes)})`, onnx, inputs: pictureInputs });
  }
  drawChoices();
}

/**
 * The visitor's own .onnx file, which replaces an earlier one.
 * @param {string} name
 * @param {Blob} onnx
 * @param {MakeInputs} inputs
 */
export function offerOwn(name, onnx, inputs) {
  forgetOwn();
  choices.unshift({ title: name, onnx: async () => onnx, inputs });
  drawChoices();
}

export function forgetOwn() {
  const own = choices.findIndex(({ inputs }) => inputs !== pictureInputs);
  if (own >= 0) choices.splice(own, 1);
  drawChoices();
}

function drawChoices() {
  select.replaceChildren(...choices.map(({ title }, i) => make("option", { value: String(i) }, title)));
  element("compare-form").hidden = !choices.length;
  element("compare-none").hidden = choices.length > 0;
}

/** The photo in sight, as EfficientNet takes it. */
async function pictureInputs() {
  const metadata = await (await fetch(METADATA)).json();
  const { data, shape } = await imageTensor(thePhoto() ?? SAMPLE, metadata.preprocess);
  return { [metadata.preprocess.input]: { data, shape, dtype: /** @type {const} */ ("f32") } };
}

async function compare() {
  const choice = choices[Number(select.value)];
  element("compare-problem").hidden = true;
  element("compare-shown").hidden = true;
  element("compare-doing").hidden = false;
  button.textContent = "Stop";
  const { signal } = (running = new AbortController());
  try {
    say("Fetching the ONNX file");
    const task = { onnx: await choice.onnx(), inputs: await choice.inputs() };
    await show(await inWorker(task, signal), choice.title);
  } catch (error) {
    if (signal.aborted) return;
    element("compare-problem").hidden = false;
    element("compare-problem").textContent = sentence(error);
  } finally {
    if (running?.signal === signal) stop();
  }
}

/**
 * @param {import("./compare-worker.js").Task} task
 * @param {AbortSignal} signal
 * @returns {Promise<Compared>}
 */
async function inWorker(task, signal) {
  signal.throwIfAborted();
  const mine = new Worker(new URL("compare-worker.js", import.meta.url), { type: "module" });
  /** @type {Promise<Compared>} */
  const compared = new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    mine.addEventListener("error", () => reject(new Error("The comparison could not be started, or ran out of memory.")));
    mine.addEventListener("message", (/** @type {MessageEvent<Message>} */ { data }) => {
      if ("compared" in data) resolve(data.compared);
      else if ("problem" in data) reject(new Error(data.problem));
      else say(data.step, data.done);
    });
    mine.postMessage(task);
  });
  return compared.finally(() => mine.terminate());
}

/** @param {string} step @param {number} [done] */
function say(step, done) {
  if (element("compare-state").textContent !== step) element("compare-state").textContent = step;
  const bar = /** @type {HTMLProgressElement} */ (element("compare-progress"));
  if (done === undefined) bar.removeAttribute("value");
  else bar.value = done;
}

function stop() {
  running?.abort();
  running = undefined;
  element("compare-doing").hidden = true;
  button.textContent = "Run both";
}

/** @param {Compared} compared @param {string} title */
async function show({ times, ready, converted, difference, of, sameBest, build }, title) {
  const [mine, theirs] = [median(times.mite), median(times.peer)];
  const ratio = theirs / mine;
  const peerBytes = (await peerFiles()).reduce((sum, { bytes }) => sum + bytes, 0);
  const bytes = { mite: await runtimeBytes(build), peer: peerBytes };
  element("compare-verdict").textContent =
    ratio >= 1 ? `mite is ${ratio.toFixed(1)} times as fast here` : `onnxruntime-web is ${(1 / ratio).toFixed(1)} times as fast here`;
  element("compare-bars").replaceChildren(
    bar("mite", mine, Math.max(mine, theirs), "mine"),
    bar("onnxruntime-web", theirs, Math.max(mine, theirs), "theirs"),
  );
  const best = (/** @type {number[]} */ all) => ms(Math.min(...all));
  const rows = [
    ["Median of a run", ms(mine), ms(theirs)],
    ["Best of a run", best(times.mite), best(times.peer)],
    ["From file to first answer", `${ms(ready.mite)}, of which conversion ${ms(converted)}`, ms(ready.peer)],
    ["Download, without the model", bytesText(bytes.mite), bytesText(bytes.peer)],
  ];
  element("compare-rows").replaceChildren(
    ...rows.map(([what, a, b]) => make("tr", {}, make("th", { scope: "row" }, what), make("td", {}, a), make("td", {}, b))),
  );
  const share = `none is further off than ${((100 * difference) / (of || 1)).toPrecision(2)} % of it`;
  const same = sameBest ? "The answers agree: the same element is largest" : "The answers differ: another element is largest";
  element("compare-agree").textContent = `${same}, and ${difference ? share : "they are equal to the bit"}.`;
  element("compare-how").textContent =
    `${title}: ${times.mite.length} runs each, in turn, one thread each, in one worker. Downloads before compression.`;
  element("compare-shown").hidden = false;
}

/** @param {string} name @param {number} time @param {number} most @param {string} kind */
function bar(name, time, most, kind) {
  const length = make("span", { className: `length ${kind}` });
  length.style.width = `${(100 * time) / most}%`;
  return make("li", {}, make("span", {}, name), make("span", { className: "track" }, length), make("span", {}, ms(time)));
}

button.addEventListener("click", () => {
  if (running) stop();
  else compare();
});
