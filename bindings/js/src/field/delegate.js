// SPDX-License-Identifier: Apache-2.0
// The interface of a model, on the one that serves at the moment.

/** @typedef {import("../../mite.d.ts").ImageInput} ImageInput */

export class Delegate {
  #serving;

  /** @param {import("./serving.js").Serving} serving */
  constructor(serving) {
    this.#serving = serving;
  }

  get inputs() {
    return this.#serving.model.inputs;
  }
  get outputs() {
    return this.#serving.model.outputs;
  }
  get metadata() {
    return this.#serving.model.metadata;
  }
  get runtime() {
    return this.#serving.model.runtime;
  }
  get id() {
    return this.#serving.model.id;
  }

  /**
   * @param {any} input
   * @param {import("../../mite.d.ts").RunOptions} [options]
   * @returns {Promise<any>}
   */
  async run(input, options) {
    if (!this.#serving.isRecovering) return this.#serving.use((model) => model.run(input, options));
    // It waits, and what is the caller's may change in the meantime.
    const { transfer = [], ...rest } = options ?? {};
    const taken = structuredClone(input, { transfer: [...transfer] });
    return this.#serving.use((model) => model.run(taken, rest));
  }
  /** @param {ImageInput} image @param {import("../../mite.d.ts").ImageOptions} [options] */
  async runImage(image, options) {
    return this.#serving.use((model) => model.runImage(image, options));
  }
  /** @param {ImageInput} image @param {import("../../mite.d.ts").ImageOptions} [options] */
  async holdImage(image, options) {
    return this.#serving.holdImage(image, options);
  }
  /** @param {ImageInput} image @param {import("../../mite.d.ts").ClassifyOptions} [options] */
  async classify(image, options) {
    return this.#serving.use((model) => model.classify(image, options));
  }
  /** Of the version that serves: each counts for itself. */
  async metrics() {
    return this.#serving.use((model) => model.metrics());
  }
  async profile() {
    return this.#serving.use((model) => model.profile());
  }
  /** @param {import("../../mite.d.ts").RunOptions} [options] */
  async selfTest(options) {
    return this.#serving.use((model) => model.selfTest(options));
  }
}
