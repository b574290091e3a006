// SPDX-License-Identifier: Apache-2.0
// What a model will take, from its header and graph alone.
import { Kept } from "./kept.js";
import { recordOf } from "./record.js";
import { openStores } from "./store.js";

/** @typedef {import("../source.js").OpenSource} OpenSource */
/** @typedef {import("./keep.js").Tools} Tools */

const HEADER_BYTES = 128; // docs/format.md has the offsets
const GRAPH_HEAD_BYTES = 64;
const VALUE_BYTES = 64;
const ANY_RANK = 255;
const FIRST_BYTES = 1 << 16; // enough for most headers and graphs
const PAGE = 1 << 16;
// As measured: tests/js/estimate.test.mjs holds them.
const LEAST_BYTES = 8 * PAGE; // INITIAL_PAGES in wasm.js
const BASE_BYTES = 155_000; // the stack, and the module's own data
const NODE_BYTES = 700; // of a session's tables, for a node and its values
const STACK_BYTES = PAGE; // of a further thread, whose scratch adds little more

/**
 * @param {import("../../mite.d.ts").EstimateSource} source
 * @param {import("../../mite.d.ts").EstimateOptions} options
 * @param {{ address?: string, key?: string, folder: string, tools: Tools }} place address: of a
 *   source that is one; key: where it may be kept
 * @returns {Promise<import("../../mite.d.ts").Estimate>}
 */
export async function estimate(source, { signal, threads = 1 }, { address, key, folder, tools }) {
  const kept = key ? await openKeptFile(folder, key, tools) : undefined;
  const opened = kept ?? (address ? undefined : await tools.openSource(source, signal));
  const beginning = opened
    ? fromSource(opened)
    : fromAddress(/** @type {string} */ (address), signal, tools);
  const what = opened?.what ?? String(address);
  try {
    const header = await readHeader(beginning, what, tools);
    const graph = await readGraph(beginning, header, what, tools);
    const { fileBytes, arenaBytes } = header;
    const code = BASE_BYTES + graph.nodes * NODE_BYTES + (threads - 1) * STACK_BYTES;
    const memory = code + fileBytes + arenaBytes;
    return {
      id: header.id,
      fileBytes,
      downloadBytes: kept || !address ? 0 : fileBytes,
      memoryBytes: Math.max(LEAST_BYTES, Math.ceil(memory / PAGE) * PAGE),
      arenaBytes,
      open: graph.open,
      whole: header.whole,
    };
  } finally {
    opened?.cancel();
  }
}

/**
 * @param {string} folder
 * @param {string} key
 * @param {Tools} tools
 */
async function openKeptFile(folder, key, tools) {
  for (const store of await openStores(folder)) {
    const record = await recordOf(store, key, "kept");
    if (record) return new Kept(store, key, record, { tools });
  }
  return undefined;
}

/**
 * The first `count` bytes, or fewer if there are no more.
 * @typedef {(count: number) => Promise<Uint8Array>} Beginning
 */

/**
 * @param {Pick<OpenSource, "read">} source
 * @returns {Beginning}
 */
function fromSource(source) {
  let bytes = new Uint8Array(0);
  return async (count) => {
    while (bytes.length < count) {
      const piece = await source.read();
      if (!piece) break;
      bytes = joined(bytes, piece);
    }
    return bytes;
  };
}

/**
 * A server that knows no ranges begins to send all of it, and is stopped.
 * @param {string} address
 * @param {AbortSignal | undefined} signal
 * @param {Tools} tools
 * @returns {Beginning}
 */
function fromAddress(address, signal, { ask, MiteError }) {
  /** @type {Uint8Array} */
  let bytes = new Uint8Array(0);
  return async (count) => {
    if (bytes.length >= count) return bytes;
    const answer = await ask(address, { signal, until: Math.max(count, FIRST_BYTES) });
    const { status, reason, cancel } = answer;
    if (status !== 200 && status !== 206) {
      cancel();
      const said = `${status}${reason ? ` (${reason})` : ""}`;
      throw new MiteError("network", `the server answered ${said} for ${address}`);
    }
    const read = async () => (await answer.read()).value;
    bytes = await fromSource({ read })(count);
    cancel();
    return bytes;
  };
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function joined(a, b) {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/**
 * @param {Beginning} beginning
 * @param {string} what
 * @param {Tools} tools
 */
async function readHeader(beginning, what, { MiteError, hexOf, kindOfBytes }) {
  const head = await beginning(HEADER_BYTES);
  const kind = kindOfBytes(head);
  if (kind !== "a .mite file") {
    const got = head.length ? (kind ?? "something else") : "nothing at all";
    throw new MiteError("format", `got ${got} from ${what} where a .mite model was expected`);
  }
  const damaged = () => new MiteError("format", `the header of ${what} is damaged; fetch it again`);
  if (head.length < HEADER_BYTES) throw damaged();
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  /** @param {number} at */
  const u64 = (at) => Number(view.getBigUint64(at, true));
  if (view.getUint16(8, true) !== 1) {
    throw new MiteError("version", `${what} is of another version of the .mite format; update mite`);
  }
  const body = u64(32);
  const table = HEADER_BYTES + 32 * view.getUint32(28, true);
  if (body < table || body >= table + 64) throw damaged();
  const all = await beginning(body);
  if (all.length < body || !(await isVouchedFor(all.subarray(0, body)))) throw damaged();
  return {
    id: hexOf(all.subarray(96, 128)),
    whole: view.getUint16(10, true) > 0,
    fileBytes: u64(16),
    graphAt: u64(40),
    graphBytes: u64(48),
    arenaBytes: u64(88),
  };
}

/**
 * Whether the header's digest is right; where the page has no SHA-256, loading will tell.
 * @param {Uint8Array} bytes header and chunk table
 */
async function isVouchedFor(bytes) {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) return true;
  const covered = joined(bytes.subarray(0, 96), bytes.subarray(HEADER_BYTES));
  const digest = new Uint8Array(await subtle.digest("SHA-256", covered));
  return digest.every((byte, i) => byte === bytes[96 + i]);
}

/**
 * @param {Beginning} beginning
 * @param {{ graphAt: number, graphBytes: number }} header
 * @param {string} what
 * @param {Tools} tools
 * @returns {Promise<{ nodes: number, open: boolean }>} open: sizes of inputs are left to the runs
 */
async function readGraph(beginning, { graphAt, graphBytes }, what, { MiteError }) {
  const all = await beginning(graphAt + graphBytes);
  const graph = all.subarray(graphAt, graphAt + graphBytes);
  const damaged = () => new MiteError("format", `the graph of ${what} is damaged; fetch it again`);
  if (graph.length < Math.max(graphBytes, GRAPH_HEAD_BYTES)) throw damaged();
  const view = new DataView(graph.buffer, graph.byteOffset, graph.length);
  /** @param {number} at */
  const u32 = (at) => view.getUint32(at, true);
  const [values, words, inputs, first] = [u32(16), u32(24), u32(32), u32(40)];
  let open = false;
  try {
    for (let i = 0; i < inputs; i++) {
      const value = values + VALUE_BYTES * u32(words + 4 * (first + i));
      const rank = view.getUint8(value + 6);
      open ||= rank === ANY_RANK;
      for (let d = 0; d < rank && !open; d++) open = view.getInt32(value + 8 + 4 * d, true) < 0;
    }
  } catch {
    throw damaged(); // a place outside of it
  }
  return { nodes: u32(4), open };
}
