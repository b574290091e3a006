// SPDX-License-Identifier: Apache-2.0
// Why this answer? A heat map over the picture, as it is found out, and a sentence.
import { explain } from "/mite/dist/explain.js";
import { watched } from "./network.js";
import { element, sentence } from "./page.js";
import { clearOverlay, fadeOverlay, lay } from "./stage.js";

/** @typedef {import("../../bindings/js/mite.d.ts").Model} Model */
/** @typedef {import("../../bindings/js/mite.d.ts").Preprocess} Preprocess */
/** @typedef {import("../../bindings/js/explain.d.ts").HeatMap} HeatMap */
/**
 * @typedef {object} Subject
 * @property {Model} [model]
 * @property {() => Promise<Model>} [prepare] makes the model, where that takes a while
 * @property {Blob} picture
 * @property {Preprocess} [preprocess]
 */

const WIDE = 200; // pixels of the map across: the browser makes the rest smooth

/** @type {Subject | undefined} */
let subject;
let stop = new AbortController();
/** @type {HeatMap | undefined} The newest that is not drawn yet. */
let waiting;

const button = element("why");
const strength = /** @type {HTMLInputElement} */ (element("why-strength"));
const isOn = () => button.getAttribute("aria-pressed") === "true";

/**
 * The answer that may be asked about from now on.
 * @param {Subject} next
 */
export function explainable(next) {
  end();
  subject = next;
  element("why-line").hidden = false;
  if (isOn()) begin(); // whoever wanted to see it, wants to for the next photo
}

export function nothingToExplain() {
  end();
  subject = undefined;
  element("why-line").hidden = true;
}

/** Stops what is under way and takes the map off the picture. */
function end() {
  stop.abort();
  waiting = undefined;
  if (subject) clearOverlay();
  element("why-sentence").textContent = "";
  element("why-done").hidden = true;
}

async function begin() {
  if (!subject) return;
  const { picture, preprocess } = subject;
  const mine = (stop = new AbortController());
  const bar = /** @type {HTMLProgressElement} */ (element("why-done"));
  bar.value = 0;
  bar.hidden = false;
  try {
    const model = subject.model ?? (await subject.prepare?.());
    if (!model || mine.signal.aborted) return;
    let runs = 0;
    const onProgress = (/** @type {HeatMap} */ next) => {
      runs++;
      drawSoon(next);
    };
    const map = await watched(() => explain(model, picture, { signal: mine.signal, preprocess, onProgress }));
    if (mine.signal.aborted) return;
    draw(map);
    const how = map.method === "class-map" ? "an exact class map, one run" : `found by covering parts, ${runs} runs`;
    element("why-sentence").textContent = `${map.sentence} (${how})`;
  } catch (error) {
    if (!mine.signal.aborted) element("why-sentence").textContent = sentence(error);
  } finally {
    if (stop === mine) bar.hidden = true;
  }
}

/** @param {HeatMap} map */
function drawSoon(map) {
  if (!waiting) {
    requestAnimationFrame(() => {
      if (waiting) draw(waiting);
    });
  }
  waiting = map;
}

/** @param {HeatMap} map */
function draw(map) {
  waiting = undefined;
  const width = Math.min(WIDE, map.picture.width);
  const height = Math.max(1, Math.round((width * map.picture.height) / map.picture.width));
  fadeOverlay(strength.valueAsNumber);
  lay(map.pixels({ width, height, opacity: 1 }), width, height, `Heat map. ${map.sentence}`);
  /** @type {HTMLProgressElement} */ (element("why-done")).value = map.done;
}

button.addEventListener("click", () => {
  button.setAttribute("aria-pressed", String(!isOn()));
  end();
  if (isOn()) begin();
});
strength.addEventListener("input", () => fadeOverlay(strength.valueAsNumber));
