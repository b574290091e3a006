// SPDX-License-Identifier: Apache-2.0
// What this device remembers of one model, as it was last read or written, and the events of it.
import { messageOf } from "../errors.js";
import { shortMemory } from "./memory.js";
import { noteEvent, recordFrom } from "./record.js";

/** @typedef {import("../../field.d.ts").FieldEvent} FieldEvent */
/** @typedef {import("./record.js").DeviceRecord} DeviceRecord */
/** In place; perhaps done twice, of which one counts.
 * @typedef {(record: DeviceRecord) => void} Change */

export class Device {
  record = recordFrom(undefined);
  #memory;
  #key;
  #onEvent;
  /** @type {Promise<void>} Changes, one after another. */
  #changing = Promise.resolve();

  /**
   * @param {import("./memory.js").Memory} memory
   * @param {string} key
   * @param {(event: FieldEvent) => void} [onEvent]
   */
  constructor(memory, key, onEvent) {
    this.#memory = memory;
    this.#key = key;
    this.#onEvent = onEvent;
  }

  /** Reads it anew, and says so if it will not last. */
  async open() {
    await this.change(() => {});
    if (this.#memory.note) await this.tell("not-remembered", { reason: this.#memory.note });
  }

  /**
   * @param {Change} change of the record as it is now: other pages change it, too
   * @returns {Promise<void>} never rejects
   */
  change(change) {
    this.#changing = this.#changing.then(() => this.#write(change));
    return this.#changing;
  }

  /** Resolves when the changes so far are done. */
  settled() {
    return this.#changing;
  }

  /**
   * @param {FieldEvent["type"]} type
   * @param {Omit<FieldEvent, "at" | "type">} about
   * @param {Change} [change] at once with it
   */
  async tell(type, about, change) {
    const event = eventOf(type, about);
    await this.change((record) => {
      change?.(record);
      noteEvent(record, event);
    });
    this.#emit(event);
  }

  /** @param {FieldEvent} event */
  #emit(event) {
    Promise.resolve(event).then(this.#onEvent); // what a listener throws is not thrown here
  }

  /** @param {Change} change */
  async #write(change) {
    const update = (/** @type {unknown} */ old) => {
      const record = recordFrom(old);
      change(record);
      return record;
    };
    try {
      this.record = await this.#memory.update(this.#key, update);
    } catch (error) {
      // What cannot be remembered does not stop the model.
      const event = eventOf("not-remembered", { reason: messageOf(error) });
      const known = structuredClone(this.record);
      noteEvent(known, event);
      this.#memory = shortMemory();
      this.record = await this.#memory.update(this.#key, () => update(known));
      this.#emit(event);
    }
  }
}

/**
 * @param {FieldEvent["type"]} type
 * @param {Omit<FieldEvent, "at" | "type">} about
 * @returns {FieldEvent}
 */
const eventOf = (type, about) => ({ at: new Date().toISOString(), type, ...about });
