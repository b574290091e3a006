// SPDX-License-Identifier: Apache-2.0
// A visitor's own model: converted, shown and run in the page, sent nowhere.
import { load } from "/mite/dist/index.js";
import { fieldsFor, settingsOf } from "./own-fields.js";
import * as inputs from "./own-inputs.js";
import { factsOf, isOpen, macsText, outputsOf } from "./own-view.js";
import { element, make, ms, ranked, sentence, showFacts } from "./page.js";

/** @typedef {import("../../bindings/js/mite.d.ts").Model} Model */
/** @typedef {import("./convert-worker.js").Made} Made */
/** @typedef {import("./convert-worker.js").Message} Message */
/** @typedef {import("./convert-worker.js").ModelFiles} ModelFiles */
/**
 * @typedef {object} InUse
 * @property {Model} model
 * @property {boolean} classifies its file says how it takes photos and what its outputs mean
 * @property {inputs.Axes} [axes] if it takes pictures
 * @property {import("./own-fields.js").Settings} settings
 * @property {Record<string, string>} facts
 * @property {string} address of the `.mite` file
 */

/** @type {InUse | undefined} */
let inUse;
/** @type {Blob | undefined} The photo that it was asked about last. */
let photo;
let stop = new AbortController();
let runs = 0;

/**
 * The model among these files, with what lies beside it; undefined if there is none.
 * @param {readonly File[]} files
 * @returns {ModelFiles | undefined}
 */
export function modelAmong(files) {
  const model = files.find(({ name }) => /\.(onnx|tflite|mite)$/i.test(name));
  return model && { model, beside: files.filter((file) => file !== model) };
}

/** Whether photos are for the visitor's model. */
export const takesPhotos = () => Boolean(inUse?.axes || inUse?.classifies);

/**
 * Converts, loads and runs it. Whatever was under way is cancelled; the model in use stays in use
 * until this one is ready.
 * @param {ModelFiles} files
 * @param {() => Blob | undefined} lastPhoto asked once it is ready
 */
export async function takeModel(files, lastPhoto) {
  const { name, size } = files.model;
  stop.abort();
  const mine = (stop = new AbortController());
  const { signal } = mine;
  element("own-problem").hidden = true;
  element("own-loading").hidden = false;
  say(`Reading ${name}`, 0);
  try {
    const made = await makeInWorker(files, signal, (message) => {
      if ("reading" in message) say(`Reading ${name}`, message.reading);
      if ("converting" in message) say(/\.mite$/i.test(name) ? `Inspecting ${name}` : `Converting ${name}`);
    });
    say(`Preparing ${name}`);
    const model = await load(made.file, { signal });
    use(model, made, name, size);
    say(`Ready: ${name}`);
    element("own-loading").hidden = true;
    photo = lastPhoto();
    if (photo || !takesPhotos()) await run();
  } catch (error) {
    if (stop !== mine) return; // another file took its place
    say(signal.aborted ? `${name} was cancelled.` : `${name} cannot be run here:`);
    if (!signal.aborted) showProblem("own-problem", error);
    if (element("own-loading").contains(document.activeElement)) element("own-file").focus();
  } finally {
    if (stop === mine) element("own-loading").hidden = true;
  }
}

/**
 * @param {ModelFiles} files
 * @param {AbortSignal} signal
 * @param {(message: Message) => void} onMessage
 * @returns {Promise<Made>}
 */
function makeInWorker(files, signal, onMessage) {
  const worker = new Worker(new URL("convert-worker.js", import.meta.url), { type: "module" });
  /** @type {Promise<Made>} */
  const made = new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    worker.addEventListener("error", () =>
      reject(new Error("The converter could not be started, or ran out of memory.")),
    );
    worker.addEventListener("message", ({ data }) => {
      if ("made" in data) resolve(data.made);
      else if ("problem" in data) reject(new Error(data.problem));
      else onMessage(data);
    });
    worker.postMessage(files);
  });
  return made.finally(() => worker.terminate());
}

/** Back to the demo's own model. */
export function leave() {
  if (!inUse) return;
  runs++; // what it still computes is nobody's concern
  inUse.model.dispose();
  URL.revokeObjectURL(inUse.address);
  inUse = undefined;
  element("own").hidden = true;
  element("answer").hidden = false;
  if (element("own-loading").hidden) say("");
}

/** @param {Blob} file a photo to run it on */
export function look(file) {
  photo = file;
  return run();
}

/** Runs it on the photo, or else on random numbers. */
async function run() {
  const current = inUse;
  if (!current) return;
  const turn = ++runs;
  element("own-problem").hidden = element("own-run-problem").hidden = true;
  try {
    const { verdict, shown } = await answerOf(current);
    if (turn !== runs) return; // asked about something else meanwhile
    element("own-verdict").textContent = verdict;
    element("own-outputs").replaceChildren(...shown);
    showFacts(element("own-facts"), current.facts);
  } catch (error) {
    if (turn !== runs) return;
    element("own-outputs").replaceChildren();
    element("own-verdict").textContent = element("own-settings").childElementCount
      ? "It does not run with these numbers; try others"
      : "It does not run with this input";
    showProblem("own-run-problem", error);
  }
}

/**
 * @param {InUse} current
 * @returns {Promise<{ verdict: string, shown: Node[] }>}
 */
async function answerOf({ model, classifies, axes, settings, facts }) {
  if (photo && classifies) {
    const { top, ms: times } = await model.classify(photo, { topK: 5 });
    const items = top.map(({ label, probability, index }) =>
      ranked(label, `${(100 * probability).toFixed(1)} %`, { value: probability }, index),
    );
    const shown = [make("ol", { className: "top" }, ...items)];
    return { verdict: `What it sees in the photo, in ${ms(times.run)}`, shown };
  }
  const choice = /** @type {HTMLSelectElement} */ (element("normalisation")).value;
  const bitmap = photo && axes && (await createImageBitmap(photo));
  const given = Object.fromEntries(
    model.inputs.map((port, i) => {
      const [shape, number] = [settings.shapes[i], settings.numbers[i]];
      if (bitmap && axes) return [port.name, inputs.pictureInput(bitmap, port, axes, shape, choice)];
      if (number === undefined) return [port.name, inputs.randomInput(port, shape)];
      return [port.name, inputs.constantInput(port, shape, number)];
    }),
  );
  bitmap?.close();
  const begin = performance.now();
  const tensors = await model.run(given);
  const time = ms(performance.now() - begin);
  if (isOpen(model.inputs)) facts.MACs = macsText(await model.profile());
  const { labels } = model.metadata;
  return {
    verdict: bitmap ? `The largest outputs for the photo, in ${time}` : `Outputs for random numbers, in ${time}`,
    shown: outputsOf(model.outputs, tensors, { largest: Boolean(bitmap), labels }),
  };
}

// --- Showing ------------------------------------------------------------------------------------

/**
 * @param {string} state
 * @param {number} [part] that is done, where that is known
 */
function say(state, part) {
  const bar = /** @type {HTMLProgressElement} */ (element("own-progress"));
  if (part === undefined) bar.removeAttribute("value");
  else bar.value = part;
  const line = element("own-state");
  if (line.textContent !== state) line.textContent = state; // said once
}

/** @param {string} id @param {unknown} error */
function showProblem(id, error) {
  element(id).hidden = false;
  element(id).textContent = sentence(error);
}

/**
 * @param {Model} model
 * @param {Made} made
 * @param {string} name
 * @param {number} sourceBytes
 */
function use(model, made, name, sourceBytes) {
  leave();
  const axes = inputs.pictureAxes(model.inputs);
  const classifies = Boolean(model.metadata.preprocess && model.metadata.postprocess);
  const settings = settingsOf(model.inputs);
  const facts = factsOf(made, sourceBytes);
  inUse = { model, classifies, axes, settings, facts, address: URL.createObjectURL(made.file) };
  element("answer").hidden = true;
  element("own").hidden = false;
  element("own-title").textContent = model.metadata.name ?? name;
  element("own-verdict").textContent = takesPhotos()
    ? "Now a photo: drop one, or press a sample"
    : "Running…";
  element("own-run-problem").hidden = true;
  element("own-outputs").replaceChildren();
  showFacts(element("own-facts"), facts);
  const link = /** @type {HTMLAnchorElement} */ (element("own-save"));
  link.href = inUse.address;
  link.download = name.replace(/\.\w+$/, ".mite");
  link.textContent = `Save ${link.download}`;
  link.hidden = made.format === "mite";
  const select = /** @type {HTMLSelectElement} */ (element("normalisation"));
  element("normalisation-line").hidden = !axes || classifies;
  if (axes) select.value = inputs.likelyNormalisation(model.inputs[0], axes);
  element("own-settings").replaceChildren(...fieldsFor(model.inputs, settings, run));
  element("own-title").focus();
}

// --- Ways in ------------------------------------------------------------------------------------

element("normalisation").append(
  ...Object.entries(inputs.normalisations).map(([value, { label }]) => make("option", { value }, label)),
);
element("normalisation").addEventListener("change", () => run());
element("own-random").addEventListener("click", () => {
  photo = undefined;
  run();
});
element("own-cancel").addEventListener("click", () => stop.abort());
element("own-leave").addEventListener("click", () => {
  leave();
  element("own-file").focus();
});
