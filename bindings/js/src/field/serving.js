// SPDX-License-Identifier: Apache-2.0
// The version that serves, and how another takes its place: calls that have begun end where they began, new
// ones go to the new one, and the old one goes when its last call has ended.
import { MiteError } from "../errors.js";

/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("./record.js").Candidate} Candidate */
/**
 * @typedef {object} Live
 * @property {Model} model
 * @property {Candidate} candidate
 * @property {number} users calls under way and pictures held
 * @property {boolean} retired
 * @property {Promise<void>} [recovering] its worker crashed; resolves when another model serves, or none will
 */

export class Serving {
  #onCrash;
  /** @type {Live | undefined} */
  #live;
  /** @type {Set<Live>} Also those that others have taken the place of. */
  #alive = new Set();
  #over = false;

  /** @param {(candidate: Candidate, error: unknown) => Promise<void>} onCrash replaces it, if it can be done */
  constructor(onCrash) {
    this.#onCrash = onCrash;
  }

  /** What serves, if anything does: one and the same thing until another takes its place. */
  get live() {
    return this.#over ? undefined : this.#live;
  }

  get model() {
    return this.#needed().model;
  }

  #needed() {
    if (this.#live && !this.#over) return this.#live;
    throw new MiteError("disposed", "this model was disposed; open it again to use it");
  }

  /** Its worker has crashed, and calls wait for another. */
  get isRecovering() {
    return this.#needed().recovering !== undefined;
  }

  /**
   * @param {Model} model
   * @param {Candidate} candidate
   * @returns {boolean} false if this was disposed in the meantime, and the model with it
   */
  swap(model, candidate) {
    if (this.#over) {
      model.dispose();
      return false;
    }
    const old = this.#live;
    this.#live = { model, candidate, users: 0, retired: false };
    this.#alive.add(this.#live);
    if (old) {
      old.retired = true;
      this.#endIfUnused(old);
    }
    return true;
  }

  /**
   * @template T
   * @param {(model: Model, live: Live) => Promise<T>} work begun at once, unless a crashed model is waited for
   * @returns {Promise<T>}
   */
  async use(work) {
    const live = this.#needed();
    if (live.recovering) {
      await live.recovering;
      if (this.#live !== live) return this.use(work);
    }
    live.users++;
    try {
      return await work(live.model, live);
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error)?.code === "crashed" && this.#live === live) {
        live.recovering ??= this.#onCrash(live.candidate, error).finally(() => (live.recovering = undefined));
      }
      throw error;
    } finally {
      this.#leave(live);
    }
  }

  /**
   * The picture stays with the version that saw it, which stays until it is released.
   * @param {import("../../mite.d.ts").ImageInput} image
   * @param {import("../../mite.d.ts").ImageOptions} [options]
   * @returns {Promise<import("../../mite.d.ts").HeldImage>}
   */
  holdImage(image, options) {
    return this.use(async (model, live) => {
      const held = await model.holdImage(image, options);
      live.users++;
      let released = false;
      const release = () => {
        if (released) return;
        released = true;
        held.release();
        this.#leave(live);
      };
      return { ...held, release };
    });
  }

  /** @param {Live} live */
  #leave(live) {
    live.users--;
    this.#endIfUnused(live);
  }

  /** @param {Live} live */
  #endIfUnused(live) {
    if (!live.retired || live.users) return;
    this.#alive.delete(live);
    live.model.dispose();
  }

  async dispose() {
    this.#over = true;
    await Promise.all(Array.from(this.#alive, ({ model }) => model.dispose()));
    this.#alive.clear();
  }
}
