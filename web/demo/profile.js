// SPDX-License-Identifier: Apache-2.0
// Where the time of the last run went: a bar by operator, a bar by layer, and a table for those who would
// rather read.
import { element, make, ms } from "./page.js";

/** @typedef {import("../../bindings/js/mite.d.ts").Model} Model */
/** @typedef {import("../../bindings/js/mite.d.ts").NodeProfile} NodeProfile */

const COLOURS = 8; // of style sheet .c0 … ; operators beyond them share the last
const PAUSE = 1000; // milliseconds between two drawings, for cameras

/** @type {{ model: Model, title: string } | undefined} */
let latest;
/** @type {readonly NodeProfile[]} */
let nodes = [];
/** @type {number[]} Where in the run each begins, in milliseconds. */
let begins = [];
let chosen = 0;
let drawnAt = -PAUSE;

const panel = element("profile");
const slider = element("layers");

/**
 * What ran last. It is drawn only while someone looks.
 * @param {Model} model
 * @param {string} title
 */
export function showProfile(model, title) {
  latest = { model, title };
  if (!panel.hidden && performance.now() - drawnAt > PAUSE) drawProfile();
}

/** Draws it; the page calls it when the panel comes into sight, too. */
export async function drawProfile() {
  if (!latest) return;
  drawnAt = performance.now();
  const { model, title } = latest;
  // Of a model that has gone there is nothing to tell.
  const all = await model.profile().catch(() => undefined);
  if (!all) return;
  nodes = all.filter(({ ms: time }) => time > 0);
  const whole = nodes.reduce((sum, node) => sum + node.ms, 0);
  let at = 0;
  begins = nodes.map((node) => (at += node.ms) - node.ms);
  element("profile-empty").hidden = true;
  element("profile-shown").hidden = false;
  element("profile-title").textContent = `${title}: ${ms(whole)} in ${nodes.length} layers`;
  drawBars(whole);
  element("profile-rows").replaceChildren(...nodes.map((node) => rowOf(node, whole)));
  choose(Math.min(chosen, nodes.length - 1));
}

/** @param {number} whole */
function drawBars(whole) {
  /** @type {Map<string, number>} */
  const operators = new Map();
  for (const { op, ms: time } of nodes) operators.set(op, (operators.get(op) ?? 0) + time);
  const ranked = [...operators].sort(([, a], [, b]) => b - a);
  const colour = (/** @type {string} */ op) =>
    `c${Math.min(ranked.findIndex(([name]) => name === op), COLOURS - 1)}`;
  element("operators").replaceChildren(
    ...ranked.map(([op, time]) => segment(time, colour(op), `${op}: ${ms(time)}, ${share(time, whole)}`)),
  );
  element("legend").replaceChildren(
    ...ranked.slice(0, COLOURS - 1).map(([op, time]) =>
      make("li", {}, make("span", { className: `swatch ${colour(op)}` }), `${op} ${share(time, whole)}`),
    ),
  );
  slider.setAttribute("aria-valuemax", String(nodes.length - 1));
  slider.replaceChildren(...nodes.map(({ op, ms: time }) => segment(time, colour(op), "")));
}

/** @param {number} time @param {string} colour @param {string} title */
function segment(time, colour, title) {
  const part = make("span", { className: `segment ${colour}`, title });
  part.style.flexGrow = String(time);
  return part;
}

/** @param {NodeProfile} node @param {number} whole */
function rowOf({ name, op, kernel, ms: time, macs }, whole) {
  const cells = [name, op, kernel, time.toFixed(3), share(time, whole), macs.toLocaleString("en")];
  return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
}

/** @param {number} part @param {number} whole */
const share = (part, whole) => `${((100 * part) / (whole || 1)).toFixed(1)} %`;

/** @param {number} index */
function choose(index) {
  const node = nodes[index];
  if (!node) return;
  slider.children[chosen]?.classList.remove("chosen");
  chosen = index;
  slider.children[index].classList.add("chosen");
  const whole = nodes.reduce((sum, each) => sum + each.ms, 0);
  const text = `${node.name}: ${node.op}, ${node.ms.toFixed(3)} ms, ${share(node.ms, whole)}`;
  slider.setAttribute("aria-valuenow", String(index));
  slider.setAttribute("aria-valuetext", text);
  element("layer").textContent = text;
}

slider.addEventListener("keydown", (event) => {
  const last = nodes.length - 1;
  /** @type {Record<string, number>} */
  const to = {
    ArrowRight: chosen + 1,
    ArrowUp: chosen + 1,
    ArrowLeft: chosen - 1,
    ArrowDown: chosen - 1,
    Home: 0,
    End: last,
  };
  if (!(event.key in to)) return;
  event.preventDefault();
  choose(Math.min(Math.max(to[event.key], 0), last));
});
for (const type of /** @type {const} */ (["pointermove", "pointerdown"])) {
  slider.addEventListener(type, ({ clientX }) => {
    const { left, width } = slider.getBoundingClientRect();
    const end = begins.length ? begins[begins.length - 1] + nodes[nodes.length - 1].ms : 0;
    const at = ((clientX - left) / width) * end;
    choose(begins.findLastIndex((begin) => begin <= at));
  });
}
