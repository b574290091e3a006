// SPDX-License-Identifier: Apache-2.0
// The demo, and the tutorial: load a model once, then ask it about photos.
// A visitor's own model is another matter: own-model.js.
import { load } from "/mite/dist/index.js";
import { leave, look, modelAmong, takeModel, takesPhotos } from "./own-model.js";
import { element, make, ms, ranked, sentence, showFacts } from "./page.js";

const MODEL = "/models/efficientnet-lite0/efficientnet-lite0.int8.mite";
const SURE = 0.35; // below this the best answer is called "not sure"
const SAMPLES = ["cat", "coffee", "cameraman", "seeding", "astronaut"];

/** @typedef {import("../../bindings/js/mite.d.ts").Model} Model */

/** @type {Promise<Model> | undefined} One model for every photo; loaded with the first. */
let model;
/** @type {Blob | undefined} The photo asked for last. */
let photo;
let stopDownload = new AbortController();
/** @type {Record<string, string>} */
const facts = {};

// --- The two things that matter -----------------------------------------------------------------

/** The model, downloaded at most once. */
function theModel() {
  model ??= downloadModel().catch((error) => {
    model = undefined; // so that Retry tries again
    throw error;
  });
  return model;
}

async function downloadModel() {
  const begin = performance.now();
  let arrived = begin;
  stopDownload = new AbortController();
  showProgress(0);
  const loaded = await load(MODEL, {
    signal: stopDownload.signal,
    onProgress({ loaded, total, state }) {
      if (state === "downloading") arrived = performance.now();
      showProgress(loaded, total);
    },
  }).finally(() => (element("loading").hidden = true));
  const { build, threads, bytes, worker, note } = loaded.runtime;
  facts.Download = `${ms(arrived - begin)}, with the code that runs it`;
  facts.Prepare = ms(performance.now() - arrived);
  facts.Build = `${build} SIMD, ${threads} thread${threads > 1 ? "s" : ""}, ${worker ? "in a worker" : "on this page"}`;
  facts.Memory = `${(bytes / 1e6).toFixed(1)} MB`;
  if (note) facts.Note = note;
  showFacts(element("facts"), facts);
  return loaded;
}

/** @param {Blob} file */
async function classify(file) {
  element("problem").hidden = true;
  element("verdict").textContent = "Looking…";
  element("top").replaceChildren();
  try {
    const loaded = await theModel();
    if (photo !== file) return; // another photo was chosen meanwhile
    const { top, ms: times } = await loaded.classify(file, { topK: 5 });
    if (photo !== file) return;
    facts.Decode = ms(times.decode + times.preprocess);
    facts.Inference = ms(times.run);
    showAnswer(top);
    showFacts(element("facts"), facts);
  } catch (error) {
    if (photo === file) showProblem(error);
  }
}

// --- Showing ------------------------------------------------------------------------------------

/** @param {number} loaded @param {number} [total] */
function showProgress(loaded, total) {
  const of = total ? ` of ${(total / 1e6).toFixed(1)}` : "";
  element("loading").hidden = false;
  element("progress-text").textContent =
    `Downloading the model: ${(loaded / 1e6).toFixed(1)}${of} MB, once`;
  /** @type {HTMLProgressElement} */ (element("progress")).value = total ? loaded / total : 0;
}

/** @param {Awaited<ReturnType<Model["classify"]>>["top"]} top */
function showAnswer(top) {
  const [best] = top;
  element("verdict").textContent =
    best.probability < SURE ? `Not sure, perhaps: ${best.label}` : best.label;
  element("top").replaceChildren(
    ...top.map(({ label, probability, index }) =>
      ranked(label, `${(100 * probability).toFixed(1)} %`, { value: probability }, index),
    ),
  );
}

/** @param {unknown} error */
function showProblem(error) {
  element("verdict").textContent = "";
  element("problem").hidden = false;
  element("problem-text").textContent = stopDownload.signal.aborted
    ? "The download was cancelled."
    : sentence(error);
  // A damaged photo will not get better; a download may.
  element("retry").hidden = model !== undefined;
  if (!model) element("retry").focus();
}

/** @param {Blob} file */
async function showPreview(file) {
  const canvas = /** @type {HTMLCanvasElement} */ (element("preview"));
  element("drop").classList.add("filled");
  canvas.setAttribute("aria-label", file instanceof File ? file.name : "Your photo");
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  if (photo !== file) return;
  [canvas.width, canvas.height] = bitmap ? [bitmap.width, bitmap.height] : [0, 0];
  if (bitmap) canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
}

// --- Ways in ------------------------------------------------------------------------------------

/** @param {Blob} file */
function ask(file) {
  photo = file;
  showPreview(file);
  if (takesPhotos()) return look(file);
  leave();
  return classify(file);
}

/** @param {FileList | undefined} [list] */
function take(list) {
  const files = [...(list ?? [])];
  const own = modelAmong(files);
  if (own) return takeModel(own, () => photo);
  const image = files.find(({ type }) => type.startsWith("image/") || !type);
  return image && ask(image);
}

const drop = element("drop");
for (const type of ["dragenter", "dragover"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault(); // or the browser opens the file
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take(event.dataTransfer?.files);
});
document.addEventListener("paste", (event) => take(event.clipboardData?.files));
for (const id of ["file", "own-file"]) {
  element(id).addEventListener("change", ({ target }) => {
    const field = /** @type {HTMLInputElement} */ (target);
    take(field.files ?? undefined);
    field.value = ""; // so that the same file can be chosen again
  });
}
element("cancel").addEventListener("click", () => stopDownload.abort());
element("retry").addEventListener("click", () => {
  if (photo) classify(photo);
});
element("own-leave").addEventListener("click", () => {
  if (photo) classify(photo);
});

element("samples").append(
  ...SAMPLES.map((name) => {
    const image = make("img", { src: `samples/${name}.jpg`, alt: `Sample: ${name}` });
    const button = make("button", { type: "button" }, image);
    button.addEventListener("click", async () => {
      const response = await fetch(image.src);
      ask(new File([await response.blob()], `${name}.jpg`, { type: "image/jpeg" }));
    });
    return make("li", {}, button);
  }),
);
