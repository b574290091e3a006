// SPDX-License-Identifier: Apache-2.0
// Some models cannot be converted before their input shapes are known. Such a one is converted anew for
// every combination of shapes that it is run with, behind the interface of a single model.
import { MiteError } from "../index.js";
import { namesOf } from "./words.js";

/** @typedef {import("../../mite.d.ts").DType} DType */
/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("../../mite.d.ts").RunOptions} RunOptions */
/** @typedef {{ name: string, dtype: DType, shape: readonly number[] }} Port -1 is open */
/** @typedef {Record<string, { data: any, shape: readonly number[] }>} Inputs */
/** @typedef {Record<string, readonly number[]>} Shapes by input name */

/** Each with a memory of its own; what was used longest ago goes first. */
const MOST_KEPT = 4;

export class ModelByShape {
  #make;
  /** @type {Model | undefined} */
  #current;
  /** @type {Map<string, Promise<Model>>} those used last come last */
  #kept = new Map();
  /** @type {Promise<unknown>} */
  #idle = Promise.resolve();

  /**
   * @param {{ inputs: readonly Port[], outputs: readonly Port[] }} ports
   * @param {(shapes: Shapes) => Promise<Model>} make
   */
  constructor({ inputs, outputs }, make) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.#make = make;
  }

  /**
   * Runs do not overlap, so that no model is let go while it works.
   * @param {Inputs} inputs
   * @param {RunOptions} [options]
   * @returns {Promise<any>}
   */
  run(inputs, options) {
    const done = this.#idle.then(async () => {
      this.#check(inputs);
      const model = await this.#modelFor(inputs);
      options?.signal?.throwIfAborted();
      return model.run(inputs, options);
    });
    this.#idle = done.catch(() => {});
    return done;
  }

  async profile() {
    return this.#current?.profile() ?? [];
  }

  async dispose() {
    const models = await Promise.allSettled(this.#kept.values());
    this.#make = async () => {
      throw new MiteError("disposed", "the session was released; create it again to use it");
    };
    this.#kept.clear();
    for (const { value } of /** @type {{ value?: Model }[]} */ (models)) await value?.dispose();
  }

  /** @param {Inputs} inputs */
  #check(inputs) {
    const has = `; the model has ${namesOf(this.inputs)}`;
    for (const { name } of this.inputs) {
      if (!inputs[name]) throw new MiteError("argument", `input '${name}' is missing${has}`);
    }
    const unknown = Object.keys(inputs).find((key) => !this.inputs.some(({ name }) => name === key));
    if (unknown !== undefined) throw new MiteError("argument", `there is no input '${unknown}'${has}`);
  }

  /** @param {Inputs} inputs */
  async #modelFor(inputs) {
    const shapes = Object.fromEntries(this.inputs.map(({ name }) => [name, inputs[name].shape]));
    const key = JSON.stringify(Object.values(shapes));
    const making = this.#kept.get(key) ?? this.#make(shapes);
    this.#current = await making;
    this.#kept.delete(key);
    this.#kept.set(key, making);
    const [oldest] = this.#kept;
    if (this.#kept.size > MOST_KEPT) {
      this.#kept.delete(oldest[0]);
      await (await oldest[1]).dispose();
    }
    return this.#current;
  }
}
