// SPDX-License-Identifier: Apache-2.0
// What is in this photo? The page's own classifier.
import { hideProblem, ready, showProblem } from "./loader.js";
import { watched } from "./network.js";
import { keepPage } from "./offline.js";
import { element, median, ms, ranked, showFacts } from "./page.js";
import { showProfile } from "./profile.js";
import { explainable, nothingToExplain } from "./why.js";

export const EFFICIENTNET = {
  title: "EfficientNet-Lite0",
  address: "/models/efficientnet-lite0/efficientnet-lite0.int8.mite",
};
const SURE = 0.35; // below this the best answer is called "not sure"
const STEADY = 2; // frames in a row that must say the same, before it is said aloud

/** @typedef {import("../../bindings/js/mite.d.ts").Classification} Classification */

/** @type {Blob | undefined} The photo asked for last. */
let asked;
/** @type {number[]} Inference times so far. */
const times = [];
let last = "";
let same = 0;

/**
 * A photo.
 * @param {Blob} file
 */
export async function classify(file) {
  asked = file;
  hideProblem();
  nothingToExplain();
  element("verdict").textContent = "Looking…";
  element("top").replaceChildren();
  try {
    const { model, facts } = await ready(EFFICIENTNET);
    if (asked !== file) return; // another photo was chosen meanwhile
    const answer = await watched(() => model.classify(file, { topK: 5 }));
    if (asked !== file) return;
    element("verdict").textContent = verdictOf(answer);
    showAnswer(answer, facts);
    explainable({ model, picture: file });
    showProfile(model, EFFICIENTNET.title);
    keepPage();
  } catch (error) {
    if (asked !== file) return;
    element("verdict").textContent = "";
    showProblem(error, EFFICIENTNET, () => classify(file));
  }
}

/**
 * A frame of the camera. Only an answer that stays is said.
 * @param {ImageBitmap} frame
 */
export async function classifyFrame(frame) {
  asked = undefined;
  const { model, facts } = await ready(EFFICIENTNET);
  const answer = await watched(() => model.classify(frame, { topK: 5, transfer: [frame] }));
  const verdict = verdictOf(answer);
  same = verdict === last ? same + 1 : 0;
  last = verdict;
  if (same >= STEADY && element("verdict").textContent !== verdict) element("verdict").textContent = verdict;
  showAnswer(answer, facts);
  showProfile(model, EFFICIENTNET.title);
  keepPage();
}

/** @param {Classification} answer */
function verdictOf({ top: [best] }) {
  return best.probability < SURE ? `Not sure, perhaps: ${best.label}` : best.label;
}

/**
 * @param {Classification} answer
 * @param {Record<string, string>} facts
 */
function showAnswer({ top, ms: spent }, facts) {
  times.push(spent.run);
  if (times.length > 100) times.splice(1, 1); // the first stays
  facts.Decode = ms(spent.decode + spent.preprocess);
  facts.Inference =
    times.length < 3 ? ms(spent.run) : `${ms(spent.run)}; median ${ms(median(times.slice(1)))}, first ${ms(times[0])}`;
  element("top").replaceChildren(
    ...top.map(({ label, probability, index }) =>
      ranked(label, `${(100 * probability).toFixed(1)} %`, { value: probability }, index),
    ),
  );
  showFacts(element("facts"), facts);
}
