// SPDX-License-Identifier: Apache-2.0
// The entry `mite/element`; ../element.d.ts documents it.
import { messageOf } from "./errors.js";
import { load } from "./index.js";

/** @typedef {import("../mite.d.ts").Classification} Classification */
/** @typedef {import("../mite.d.ts").ImageInput} ImageInput */
/** @typedef {import("../mite.d.ts").Model} Model */

/** Importing this on a server is harmless: there the class is never defined as an element. */
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

const STYLE = `
  :host { display: block; font: inherit; }
  :host([hidden]) { display: none; }
  label { display: block; padding: 1em; border: 2px dashed currentcolor; border-radius: 0.5em; text-align: center;
    cursor: pointer; }
  label:focus-within, label.over { outline: 3px solid Highlight; outline-offset: 2px; }
  input { position: absolute; opacity: 0; width: 1px; height: 1px; }
  img { display: block; max-width: 100%; max-height: 20em; margin: 0 auto 0.5em; }
  progress { width: 100%; }
  ol { list-style: none; margin: 0.5em 0 0; padding: 0; }
  li { display: grid; grid-template-columns: 1fr auto; gap: 0 0.5em; }
  meter { grid-column: 1 / -1; width: 100%; }
`;

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [properties]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

export class MiteClassifier extends Base {
  static observedAttributes = ["src", "top", "label"];
  /** @type {Promise<Model> | undefined} */
  #loading;
  #stopLoading = new AbortController();
  #stopRun = new AbortController();
  // Those of the shadow tree are there once the element has been in a document.
  /** @type {HTMLImageElement | undefined} */
  #picture;
  /** @type {HTMLElement | undefined} */
  #prompt;
  /** @type {HTMLProgressElement | undefined} */
  #progress;
  /** @type {HTMLElement | undefined} */
  #status;
  /** @type {HTMLElement | undefined} */
  #list;

  get src() {
    return this.getAttribute("src") ?? "";
  }

  set src(address) {
    this.setAttribute("src", address);
  }

  get top() {
    return Math.max(1, Math.trunc(Number(this.getAttribute("top")))) || 5;
  }

  set top(count) {
    this.setAttribute("top", String(count));
  }

  connectedCallback() {
    if (!this.shadowRoot) this.#build();
  }

  disconnectedCallback() {
    // An element that is moved within the document is disconnected for a moment.
    queueMicrotask(() => {
      if (!this.isConnected) this.dispose();
    });
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} now
   */
  attributeChangedCallback(name, before, now) {
    if (name === "src" && before !== now) this.dispose();
    if (name === "label" && this.#prompt) this.#prompt.textContent = this.#label;
  }

  get #label() {
    return this.getAttribute("label") ?? "Choose, drop or paste a picture";
  }

  /** @returns {Promise<Model>} */
  ready() {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load() {
    const { signal } = this.#stopLoading;
    const address = new URL(this.src, document.baseURI);
    try {
      const model = await load(address, {
        signal,
        onProgress: (progress) => {
          if (this.#progress && progress.total) {
            Object.assign(this.#progress, { hidden: false, max: progress.total, value: progress.loaded });
          }
          this.#tell("mite-progress", progress);
        },
      });
      if (this.#progress) this.#progress.hidden = true;
      this.#tell("mite-ready", model);
      return model;
    } catch (error) {
      if (!signal.aborted) this.#loading = undefined; // the next picture tries again
      throw error;
    }
  }

  /**
   * @param {ImageInput} image
   * @returns {Promise<Classification>}
   */
  async classify(image) {
    this.#stopRun.abort(new DOMException("a newer picture came", "AbortError"));
    this.#stopRun = new AbortController();
    const { signal } = this.#stopRun;
    this.#say("…");
    try {
      const model = await this.ready();
      const result = await model.classify(image, { topK: this.top, signal });
      this.#show(result);
      this.#tell("mite-result", result);
      return result;
    } catch (error) {
      if (!signal.aborted) {
        this.#list?.replaceChildren();
        this.#say(messageOf(error));
        this.#tell("mite-error", error);
      }
      throw error;
    }
  }

  async dispose() {
    this.#stopLoading.abort(new DOMException("the element was removed", "AbortError"));
    this.#stopLoading = new AbortController();
    const loading = this.#loading;
    this.#loading = undefined;
    const model = await loading?.catch(() => undefined);
    await model?.dispose();
  }

  #build() {
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // which no Content-Security-Policy forbids
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const input = make("input", { type: "file", accept: "image/*" });
    this.#picture = make("img", { hidden: true, alt: "" });
    this.#prompt = make("span", { textContent: this.#label });
    this.#progress = make("progress", { hidden: true });
    this.#progress.setAttribute("aria-label", "Loading the model");
    this.#status = make("p");
    this.#status.setAttribute("role", "status");
    this.#list = make("ol");
    const label = make("label");
    label.part.add("drop");
    this.#list.part.add("results");
    label.append(this.#picture, this.#prompt, input);
    root.append(label, this.#progress, this.#status, this.#list);

    input.addEventListener("change", () => this.#take(input.files));
    this.addEventListener("paste", (event) => this.#take(event.clipboardData?.files, event));
    this.addEventListener("dragover", (event) => {
      event.preventDefault();
      label.classList.add("over");
    });
    this.addEventListener("dragleave", () => label.classList.remove("over"));
    this.addEventListener("drop", (event) => {
      label.classList.remove("over");
      this.#take(event.dataTransfer?.files, event);
    });
  }

  /**
   * @param {FileList | null | undefined} files
   * @param {Event} [event]
   */
  #take(files, event) {
    const file = files?.[0];
    if (!file || !this.#picture) return;
    event?.preventDefault();
    if (this.#picture.src) URL.revokeObjectURL(this.#picture.src);
    Object.assign(this.#picture, { src: URL.createObjectURL(file), alt: file.name, hidden: false });
    this.classify(file).catch(() => {}); // shown and told by then
  }

  /** @param {Classification} result */
  #show({ top, ms }) {
    const total = ms.decode + ms.preprocess + ms.run;
    this.#say(`${top[0].label}, ${percent(top[0].probability)} (${total.toFixed(0)} ms)`);
    this.#list?.replaceChildren(
      ...top.map(({ label, probability }) => {
        const item = make("li");
        const bar = make("meter", { value: probability });
        bar.setAttribute("aria-hidden", "true");
        item.append(
          make("span", { textContent: label }),
          make("span", { textContent: percent(probability) }),
          bar,
        );
        return item;
      }),
    );
  }

  /** @param {string} text */
  #say(text) {
    if (this.#status) this.#status.textContent = text;
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

/** @param {number} probability */
const percent = (probability) => `${(100 * probability).toFixed(1)} %`;

/** @param {string} [name] */
export function defineClassifier(name = "mite-classifier") {
  if (!customElements.get(name)) customElements.define(name, class extends MiteClassifier {});
}
