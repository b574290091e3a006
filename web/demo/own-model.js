// SPDX-License-Identifier: Apache-2.0
// A visitor's own model: converted, shown and run in the page, sent nowhere.
import { load } from "/mite/dist/index.js";
import { showCard, showTask } from "./cards.js";
import { forgetOwn, offerOwn } from "./compare.js";
import { makeInWorker } from "./convert-here.js";
import { watched } from "./network.js";
import { fieldsFor, settingsOf } from "./own-fields.js";
import * as inputs from "./own-inputs.js";
import { factsOf, isOpen, macsText, outputsOf, realNumbers } from "./own-view.js";
import { asClassifier, givesClasses, preprocessOf, withClassMap } from "./own-why.js";
import { element, make, ms, ranked, sentence, showFacts } from "./page.js";
import { showProfile } from "./profile.js";
import { explainable, nothingToExplain } from "./why.js";

/** @typedef {import("../../bindings/js/mite.d.ts").Model} Model */
/** @typedef {import("./convert-worker.js").Made} Made */
/** @typedef {import("./convert-worker.js").ModelFiles} ModelFiles */
/** @typedef {Blob | ImageBitmap} Picture a photo, or a frame of the camera */
/**
 * @typedef {object} InUse
 * @property {Model} model
 * @property {boolean} classifies its file says how it takes photos and what its outputs mean
 * @property {inputs.Axes} [axes] if it takes pictures
 * @property {import("./own-fields.js").Settings} settings
 * @property {Record<string, string>} facts
 * @property {string} address of the `.mite` file
 * @property {ModelFiles} files it was made of
 * @property {AbortController} end of its use
 * @property {Promise<Model | undefined>} [mapped] the same with a class map, if it can have one
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
 * @param {(made: Made) => Promise<void>} [speak] where it goes instead, if it is for sentences
 */
export async function takeModel(files, lastPhoto, speak) {
  const { name } = files.model;
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
    if (speak) {
      await speak(made);
      leave();
      return say(`Ready: ${name}`);
    }
    const model = await load(made.file, { signal });
    use(model, made, files);
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

/** Back to the demo's own model. */
export function leave() {
  if (!inUse) return;
  runs++; // what it still computes is nobody's concern
  inUse.end.abort();
  inUse.model.dispose();
  inUse.mapped?.then((model) => model?.dispose());
  URL.revokeObjectURL(inUse.address);
  inUse = undefined;
  nothingToExplain();
  forgetOwn();
  showTask();
  if (element("own-loading").hidden) say("");
}

/** @param {Blob} file a photo to run it on */
export function look(file) {
  photo = file;
  return run();
}

/** @param {ImageBitmap} frame of the camera */
export async function lookAtFrame(frame) {
  await run(frame);
  frame.close();
}

/**
 * Runs it on the picture, or else on random numbers.
 * @param {Picture} [picture]
 */
async function run(picture = photo) {
  const current = inUse;
  if (!current) return;
  const turn = ++runs;
  element("own-problem").hidden = element("own-run-problem").hidden = true;
  nothingToExplain();
  try {
    const { verdict, shown, subject } = await answerOf(current, picture);
    if (turn !== runs) return; // asked about something else meanwhile
    if (element("own-verdict").textContent !== verdict) element("own-verdict").textContent = verdict;
    element("own-outputs").replaceChildren(...shown);
    showFacts(element("own-facts"), current.facts);
    showProfile(current.model, current.model.metadata.name ?? current.files.model.name);
    if (subject && picture instanceof Blob) explainable({ ...subject, picture });
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
 * @param {Picture} [picture]
 * @returns {Promise<{ verdict: string, shown: Node[], subject?: Omit<import("./why.js").Subject, "picture"> }>}
 */
async function answerOf(current, picture) {
  const { model, classifies, axes, facts } = current;
  if (picture && classifies) {
    const { top, ms: times } = await watched(() => model.classify(picture, { topK: 5 }));
    const items = top.map(({ label, probability, index }) =>
      ranked(label, `${(100 * probability).toFixed(1)} %`, { value: probability }, index),
    );
    const shown = [make("ol", { className: "top" }, ...items)];
    const verdict = `What it sees in the photo, in ${ms(times.run)}`;
    return { verdict, shown, subject: { model } };
  }
  const seen = axes && picture;
  const given = await inputsFor(current, seen);
  const ports = model.outputs.filter(({ name }) => name !== model.metadata.explain?.classMap);
  const begin = performance.now();
  const outputs = ports.map(({ name }) => name);
  const tensors = await watched(() => model.run(given, { outputs }));
  const time = ms(performance.now() - begin);
  if (isOpen(model.inputs)) facts.MACs = macsText(await model.profile());
  const { labels } = model.metadata;
  return {
    verdict: seen ? `The largest outputs for the photo, in ${time}` : `Outputs for random numbers, in ${time}`,
    shown: outputsOf(ports, tensors, { largest: Boolean(seen), labels }),
    subject: seen && givesClasses(ports) ? subjectOf(current, ports[0], tensors) : undefined,
  };
}

/**
 * @param {InUse} current
 * @param {Picture} [picture]
 */
async function inputsFor({ model, axes, settings }, picture) {
  const choice = /** @type {HTMLSelectElement} */ (element("normalisation")).value;
  const bitmap = picture && (await createImageBitmap(picture));
  const given = model.inputs.map((port, i) => {
    const [shape, number] = [settings.shapes[i], settings.numbers[i]];
    if (bitmap && axes) return [port.name, inputs.pictureInput(bitmap, port, axes, shape, choice)];
    if (number === undefined) return [port.name, inputs.randomInput(port, shape)];
    return [port.name, inputs.constantInput(port, shape, number)];
  });
  bitmap?.close();
  return /** @type {Record<string, inputs.Input>} */ (Object.fromEntries(given));
}

/**
 * How the answer can be asked about.
 * @param {InUse} current
 * @param {import("../../bindings/js/mite.d.ts").Port} port
 * @param {Record<string, import("../../bindings/js/mite.d.ts").Tensor>} tensors
 */
function subjectOf(current, port, tensors) {
  const { model, axes, settings, files, end } = current;
  const numbers = [...realNumbers(tensors[port.name], port)];
  const choice = /** @type {HTMLSelectElement} */ (element("normalisation")).value;
  return {
    preprocess: axes && preprocessOf(axes, settings.shapes[0], choice),
    async prepare() {
      if (!/\.mite$/i.test(files.model.name)) current.mapped ??= withClassMap(files, end.signal);
      return asClassifier((await current.mapped) ?? model, port.name, numbers);
    },
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
 * @param {ModelFiles} files
 */
function use(model, made, files) {
  const { name, size } = files.model;
  leave();
  nothingToExplain();
  const axes = inputs.pictureAxes(model.inputs);
  const classifies = Boolean(model.metadata.preprocess && model.metadata.postprocess);
  const settings = settingsOf(model.inputs);
  const facts = factsOf(made, size);
  const address = URL.createObjectURL(made.file);
  const current = { model, classifies, axes, settings, facts, address, files, end: new AbortController() };
  inUse = current;
  showCard("own");
  if (/\.onnx$/i.test(name) && !files.beside.length) {
    offerOwn(name, files.model, async () => {
      const given = await inputsFor(current, axes && photo);
      const typed = model.inputs.map(({ name: port, dtype }) => [port, { ...given[port], dtype }]);
      return Object.fromEntries(typed);
    });
  }
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
  element("own-settings").replaceChildren(...fieldsFor(model.inputs, settings, () => run()));
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
