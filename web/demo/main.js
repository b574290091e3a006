// SPDX-License-Identifier: Apache-2.0
// The page's ways in: which task it is, where photos and frames come from, and where they go.
// What is done with mite is next door: classify.js is the tutorial.
import { bytesOfModel } from "./available.js";
import { cameraRuns, hasCamera, startCamera, stopCamera } from "./camera.js";
import { showCard } from "./cards.js";
import { EFFICIENTNET, classify, classifyFrame } from "./classify.js";
import { offerComparison } from "./compare.js";
import { leave, look, lookAtFrame, modelAmong, takeModel, takesPhotos } from "./own-model.js";
import { bytesText, element, make, sentence } from "./page.js";
import { SELFIE, cutOut, cutOutFrame } from "./people.js";
import { drawProfile } from "./profile.js";
import { MINILM, compareSentences, speakWith } from "./sentences.js";
import { clearOverlay, showPhoto, thePhoto } from "./stage.js";
import { showStorage } from "./storage.js";
import { makeTabs } from "./tabs.js";
import { nothingToExplain } from "./why.js";

const SAMPLES = ["cat", "coffee", "cameraman", "seeding", "astronaut"];

/** @typedef {{ look: (photo: Blob) => unknown, frame: (frame: ImageBitmap) => Promise<void> }} Taker */
/** @type {Record<string, { card: string } & Partial<Taker>>} */
const tasks = {
  classify: { card: "answer", look: classify, frame: classifyFrame },
  people: { card: "people", look: cutOut, frame: cutOutFrame },
  sentences: { card: "sentences" },
};
let task = "classify";

// --- Where pictures go --------------------------------------------------------------------------

/** @returns {Taker} */
function taker() {
  if (takesPhotos()) return { look, frame: lookAtFrame };
  leave(); // a model for something else than photos
  if (!tasks[task].look) choose("classify");
  return /** @type {Taker} */ (tasks[task]);
}

/** @param {Blob} file */
async function ask(file) {
  stopCamera();
  const shown = showPhoto(file);
  taker().look(file);
  await shown;
}

/** @param {string} name */
function choose(name) {
  leave();
  task = name;
  nothingToExplain();
  showCard(tasks[name].card);
  const photo = thePhoto();
  if (name === "sentences") {
    stopCamera();
    compareSentences();
  } else if (photo && !cameraRuns()) {
    tasks[name].look?.(photo);
  }
}

const taskButtons = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-task]")]);
for (const button of taskButtons()) {
  button.addEventListener("click", () => choose(button.dataset.task ?? task));
}
element("own-leave").addEventListener("click", () => {
  const photo = thePhoto();
  if (photo) taker().look(photo);
});

// --- Files: chosen, dropped, pasted -------------------------------------------------------------

/** @param {FileList | undefined} [list] */
function take(list) {
  const files = [...(list ?? [])];
  const own = modelAmong(files);
  const tokens = files.find(({ name }) => name === "tokenizer.json");
  if (own && tokens) {
    return takeModel(own, thePhoto, async (made) => {
      await speakWith(made.file, tokens, own.model.name);
      taskButtons()[2].hidden = false;
      choose("sentences");
    });
  }
  if (own) return takeModel(own, thePhoto);
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
element("samples").append(
  ...SAMPLES.map((name) => {
    const image = make("img", { src: `samples/${name}.jpg`, alt: `Sample: ${name}` });
    const button = make("button", { type: "button" }, image);
    /** @type {Blob | undefined} Asked of the network once. */
    let photo;
    button.addEventListener("click", async () => {
      photo ??= await (await fetch(image.src)).blob();
      ask(new File([photo], `${name}.jpg`, { type: "image/jpeg" }));
    });
    return make("li", {}, button);
  }),
);

// --- The camera ---------------------------------------------------------------------------------

async function offerCamera() {
  const here = await hasCamera();
  element("camera-line").hidden = !here;
  element("camera-absent").hidden = here;
}
offerCamera();
navigator.mediaDevices?.addEventListener("devicechange", offerCamera);
element("camera").addEventListener("click", async () => {
  if (cameraRuns()) return stopCamera();
  element("camera-problem").hidden = true;
  try {
    nothingToExplain();
    clearOverlay();
    const starting = startCamera((frame) => taker().frame(frame));
    element("camera").textContent = "Stop the camera";
    await starting;
  } catch (error) {
    element("camera-problem").hidden = false;
    element("camera-problem").textContent = sentence(error);
  }
  element("drop").classList.toggle("filled", cameraRuns() || Boolean(thePhoto()));
  if (!cameraRuns()) element("camera").textContent = "Start the camera";
});
addEventListener("camera-stopped", async (event) => {
  element("camera").textContent = "Start the camera";
  const { last: frame, problem } = /** @type {CustomEvent<import("./camera.js").Stopped>} */ (event).detail;
  if (problem) {
    const cancelled = problem instanceof DOMException && problem.name === "AbortError";
    element("camera-problem").hidden = false;
    element("camera-problem").textContent = cancelled ? "The download was cancelled." : sentence(problem);
    return;
  }
  const last = await frame;
  if (last && !cameraRuns()) ask(new File([last], "The camera's last frame", { type: last.type }));
});

// --- What is here -------------------------------------------------------------------------------

makeTabs(element("tabs"), (panel) => {
  if (panel === "profile") drawProfile();
  if (panel === "device") showStorage();
});
for (const [name, { address }, size] of /** @type {const} */ ([
  ["classify", EFFICIENTNET, "answer-size"],
  ["people", SELFIE, "people-size"],
  ["sentences", MINILM, undefined],
])) {
  bytesOfModel(address).then((bytes) => {
    const button = taskButtons().find(({ dataset }) => dataset.task === name);
    if (button && bytes) button.hidden = false;
    if (size && bytes) element(size).textContent = ` (${bytesText(bytes)}, fetched once)`;
  });
}
offerComparison();
