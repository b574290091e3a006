// SPDX-License-Identifier: Apache-2.0
// One instance of a mite module: its exports with their types, and its memory. The only file that
// knows how the C side hands things over (runtime/wasm.c).
import { MiteError, errorOfStatus, messageOf, refusedByPolicy } from "./errors.js";

/** What an export returns: a status (negative: failed), a size or address, a float, nothing. */
const results = /** @type {const} */ ({
  alloc: "size",
  release: "nothing",
  sha256: "nothing",
  model_new: "size",
  model_want: "size",
  model_want_at: "size",
  model_got: "status",
  model_digest: "status",
  model_chunk: "size",
  model_chunk_bytes: "size",
  model_status: "status",
  model_error: "size",
  model_file_bytes: "float",
  model_id: "size",
  model_metadata: "size",
  model_metadata_bytes: "size",
  model_free: "nothing",
  model_input_count: "size",
  model_output_count: "size",
  model_port: "nothing",
  session_port: "nothing",
  session_new: "size",
  session_error: "size",
  session_resize: "status",
  session_plan: "status",
  session_want: "status",
  session_run: "status",
  session_run_step: "status",
  session_cancel: "nothing",
  session_node_count: "size",
  session_node: "nothing",
  session_arena_bytes: "size",
  session_bytes: "size",
  session_isa: "status",
  session_free: "nothing",
  session_helper: "size",
  session_helper_stack: "size",
  session_threads: "size",
  session_thread_counts: "nothing",
  image_decode: "status",
  image_fit: "status",
  image_normalise: "nothing",
  image_seen: "nothing",
  image_release: "nothing",
});

/** @typedef {Record<string, "status" | "size" | "float" | "nothing">} More exports of a larger module */
/** @typedef {(...args: number[]) => number} Call */
/** @typedef {Record<keyof typeof results, Call>} Calls */

/** @param {Uint8Array} bytes */
export function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const INITIAL_PAGES = 8; // of 64 KiB, as MODULE_LINK in the Makefile says
/** Shared memory reserves addresses for all that it may grow to; where they are scarce, fewer do. */
const MOST_PAGES = [65536, 16384, 4096];

/** @param {boolean} shared */
function newMemory(shared) {
  for (const maximum of MOST_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared });
    } catch (error) {
      if (maximum === MOST_PAGES.at(-1)) throw error;
    }
  }
  throw new RangeError();
}

/**
 * What tools/seal.mjs wrote into a module: of which build it is, and of one that is linked to a core
 * where its data lie and how long the table must be.
 * @typedef {{ build: string, memory?: [begin: number, end: number], table?: number }} Facts
 */

/**
 * @param {WebAssembly.Module} module
 * @returns {Facts | undefined} undefined: not a module of mite
 */
export function factsOf(module) {
  const [section] = WebAssembly.Module.customSections(module, "mite");
  return section && JSON.parse(new TextDecoder().decode(section));
}

/**
 * Instances of a core and of its side modules, on one memory; their exports together. A side module
 * has its data and its part of the table at fixed places, and shares all else with the core.
 * @param {WebAssembly.Module} core
 * @param {object} on
 * @param {WebAssembly.Memory} on.memory
 * @param {WebAssembly.Module[]} [on.sides]
 * @param {Record<string, Call>} [on.imports] functions that a side module asks of its host
 * @param {boolean} [on.joins] the memory is in use already
 */
export async function link(core, { memory, sides = [], imports: ours = {}, joins = false }) {
  /** @type {WebAssembly.Exports} */
  let exports = {};
  const host = {
    now_ms: () => performance.now(),
    more_operators: (/** @type {number} */ count) => run(exports.mite_op_list_more, count) ?? 0,
    ...ours,
  };
  /** @type {Record<string, Record<string, any>>} */
  const imports = { env: { memory }, mite: host };
  // The C library asks for a system it never uses here: every call answers "not supported".
  for (const { module: from, name } of WebAssembly.Module.imports(core)) {
    (imports[from] ??= {})[name] ??= () => 52;
  }
  exports = { ...(await WebAssembly.instantiate(core, imports)).exports };
  if (!joins) run(exports._initialize);
  const table = /** @type {WebAssembly.Table} */ (exports.__indirect_function_table);
  for (const side of sides) {
    const { memory: [begin, end] = [0, 0], table: entries = 0 } = factsOf(side) ?? {};
    if (!joins && !run(exports.reserve, begin, end)) throw new Error("a side module has no place");
    if (table.length < entries) table.grow(entries - table.length);
    imports.env = { ...exports, memory };
    Object.assign(exports, (await WebAssembly.instantiate(side, imports)).exports);
  }
  return exports;
}

/**
 * @param {WebAssembly.ExportValue | undefined} exported
 * @param {number[]} args
 */
function run(exported, ...args) {
  return typeof exported === "function" ? exported(...args) : undefined;
}

export class Wasm {
  /** @type {Calls} A call that traps ends the instance: all later ones throw the same error. */
  calls;
  /** @type {WebAssembly.Memory} */
  memory;
  #bytes = new Uint8Array(0);
  /** @type {MiteError | undefined} */
  #crash;

  /**
   * @param {WebAssembly.Exports} exports
   * @param {WebAssembly.Memory} memory
   * @param {More} more
   */
  constructor(exports, memory, more = {}) {
    this.memory = memory;
    const calls = Object.entries({ ...results, ...more }).map(([name, result]) => {
      const call = exports[name];
      if (typeof call !== "function") {
        throw new MiteError(
          "version",
          `mite's WebAssembly file does not fit its JavaScript: it has no function ${name}; serve both from the same release`,
        );
      }
      return [name, this.#guarded(/** @type {Call} */ (call), result)];
    });
    this.calls = Object.fromEntries(calls);
  }

  /**
   * @param {Call} call
   * @param {"status" | "size" | "float" | "nothing"} result
   * @returns {Call}
   */
  #guarded(call, result) {
    return (...args) => {
      if (this.#crash) throw this.#crash;
      try {
        const value = call(...args);
        return result === "size" ? value >>> 0 : value; // above 2 GiB, i32 comes out negative
      } catch (error) {
        this.#crash = new MiteError(
          "crashed",
          `mite's WebAssembly code crashed (${messageOf(error)}); this is a bug: please report it with the model, dispose this model and load it again`,
          { cause: error },
        );
        throw this.#crash;
      }
    };
  }

  /** All of memory. Growth replaces the buffer, so never keep this across calls into C. */
  get bytes() {
    if (this.#bytes.buffer !== this.memory.buffer) this.#bytes = new Uint8Array(this.memory.buffer);
    return this.#bytes;
  }

  /** @param {number} address @param {number} length */
  slice(address, length) {
    return this.bytes.slice(address, address + length);
  }

  /** @param {number} address */
  u32(address) {
    return new DataView(this.memory.buffer).getUint32(address, true);
  }

  /**
   * UTF-8 text at an address: up to the NUL, or `length` bytes.
   * @param {number} address
   * @param {number} [length]
   */
  text(address, length) {
    if (!address) return "";
    const end = length === undefined ? this.bytes.indexOf(0, address) : address + length;
    return new TextDecoder().decode(this.slice(address, end - address));
  }

  /** @param {number} bytes */
  alloc(bytes) {
    const address = this.calls.alloc(bytes);
    if (!address) {
      throw new MiteError(
        "memory",
        `${bytes} bytes more of WebAssembly memory could not be had; close other models or tabs`,
      );
    }
    return address;
  }

  /**
   * Calls `use` with the address of a zeroed block, which is given back afterwards.
   * @template T
   * @param {number} bytes
   * @param {(address: number) => T} use
   */
  borrow(bytes, use) {
    const address = this.alloc(bytes);
    this.bytes.fill(0, address, address + bytes);
    try {
      return use(address);
    } finally {
      if (!this.#crash) this.calls.release(address);
    }
  }

  /**
   * Calls C with the address of a mite_error and throws what it says if the status is negative.
   * @param {(error: number) => number} call
   */
  check(call) {
    this.borrow(260, (error) => {
      const status = call(error);
      if (status < 0) throw errorOfStatus(status, this.text(error + 4));
    });
  }
}

/**
 * @param {WebAssembly.Module} module
 * @param {object} [options]
 * @param {boolean} [options.shared] as the modules were compiled
 * @param {WebAssembly.Module[]} [options.sides]
 * @param {More} [options.more] what side modules export
 * @param {Record<string, Call>} [options.imports] and what they want of JavaScript
 */
export async function instantiate(module, { shared = false, sides, more, imports } = {}) {
  let exports, memory;
  try {
    memory = newMemory(shared);
    exports = await link(module, { memory, sides, imports });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new MiteError(
        "memory",
        `memory for another model could not be had: ${error.message}; dispose models that are not needed`,
        { cause: error },
      );
    }
    const sentence = `mite's WebAssembly file does not fit its JavaScript: ${messageOf(error)}; serve both from the same release`;
    throw refusedByPolicy(error) ?? new MiteError("version", sentence, { cause: error });
  }
  return new Wasm(exports, memory, more);
}
