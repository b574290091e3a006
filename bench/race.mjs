// SPDX-License-Identifier: Apache-2.0
// What is measured in one process or page; knows neither Node nor the page it runs in.
import { start } from "./engines/engines.mjs";
import { largest, measureLimits } from "./limits.mjs";
import { watchMemories } from "./memory.mjs";

/**
 * @typedef {import("./engines/engines.mjs").Environment} Environment
 *
 * @typedef {object} Contestant
 * @property {string} engine
 * @property {"f32" | "int8"} kind
 * @property {number} threads
 * @property {"simd"} [build] of mite: the module without relaxed SIMD
 *
 * @typedef {object} Task
 * @property {"race" | "cold" | "dispatch"} what
 * @property {readonly Contestant[]} contestants
 * @property {readonly number[]} shape of the input
 * @property {{ ms: number, rounds: number }} warm at least so long and so often, not counted; but no
 *   longer than PATIENCE times so long
 * @property {{ ms: number, rounds: number }} measure
 * @property {boolean} profile mite's nodes, too
 */

const PATIENCE = 4;
const FEWEST_ROUNDS = 3; // however slow

/** @param {readonly number[]} numbers */
export const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** @param {unknown} error */
const reasonOf = (error) => (error instanceof Error ? error.message : String(error)).split("\n")[0];

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {Environment} env
 * @param {Task} task
 */
export async function perform(env, task) {
  const bytes = await env.read(env.file("input.f32"));
  const input = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).slice();
  return { race, cold, dispatch }[task.what](env, task, input);
}

/**
 * Loads all, then runs them in turn. With threads there is a breath between two, so that workers
 * which still spin for work do not take a core from the next engine.
 * @param {Environment} env
 * @param {Task} task
 * @param {Float32Array} input
 */
async function race(env, task, input) {
  const entries = [];
  const absent = [];
  for (const contestant of task.contestants) {
    try {
      const { engine: name, ...options } = contestant;
      const engine = await start(name, env, { ...options, shape: task.shape });
      engine.prepare(input);
      const output = await engine.run();
      entries.push({ contestant, engine, output: Array.from(output), times: /** @type {number[]} */ ([]) });
    } catch (error) {
      absent.push({ ...contestant, why: reasonOf(error) });
    }
  }
  const rest = task.contestants.some(({ threads }) => threads > 1) ? 3 : 0;
  const limits = [measureLimits()];
  for (const { ms, rounds } of [task.warm, task.measure]) {
    for (const entry of entries) entry.times.length = 0;
    const goesOn = (/** @type {number} */ round, /** @type {number} */ passed) =>
      round < Math.min(rounds, FEWEST_ROUNDS) || passed < ms || (round < rounds && passed < PATIENCE * ms);
    const begin = performance.now();
    for (let round = 0; goesOn(round, performance.now() - begin); round++) {
      for (const { engine, times } of entries) {
        if (rest) await pause(rest);
        const before = performance.now();
        await engine.run();
        times.push(performance.now() - before);
      }
    }
    limits.push(measureLimits());
  }
  const profiles = [];
  for (const { contestant, engine } of entries) {
    if (!task.profile || !engine.profile) continue;
    /** @type {(readonly import("../bindings/js/mite.d.ts").NodeProfile[])[]} */
    const runs = [];
    for (let i = 0; i < 9; i++) {
      await engine.run();
      runs.push(await engine.profile());
    }
    const nodes = runs[0].map((node, i) => ({ ...node, ms: median(runs.map((run) => run[i].ms)) }));
    profiles.push({ kind: contestant.kind, nodes });
  }
  return {
    results: entries.map(({ contestant, engine, output, times }) => ({
      ...contestant,
      threads: engine.threads,
      asked: contestant.threads,
      median: median(times),
      least: Math.min(...times),
      rounds: times.length,
      output,
    })),
    absent,
    limits: largest(limits),
    profiles,
  };
}

const IN_A_ROW = 20;

/**
 * Milliseconds a run of each, many in a row, so that helpers stay awake between them.
 * @param {Environment} env
 * @param {Task} task
 * @param {Float32Array} input
 */
async function dispatch(env, task, input) {
  const entries = [];
  for (const contestant of task.contestants) {
    const { engine: name, ...options } = contestant;
    const engine = await start(name, env, { ...options, shape: task.shape });
    engine.prepare(input);
    entries.push({ contestant, engine, times: /** @type {number[]} */ ([]) });
  }
  for (const { ms, rounds } of [task.warm, task.measure]) {
    const end = performance.now() + ms;
    for (const entry of entries) entry.times.length = 0;
    for (let round = 0; round < rounds || performance.now() < end; round++) {
      for (const { engine, times } of entries) {
        await engine.run(); // wakes the helpers
        const begin = performance.now();
        for (let i = 0; i < IN_A_ROW; i++) await engine.run();
        times.push((performance.now() - begin) / IN_A_ROW);
      }
    }
  }
  return entries.map(({ contestant, engine, times }) => ({
    ...contestant,
    threads: engine.threads,
    median: median(times),
    least: Math.min(...times),
  }));
}

/**
 * From importing the engine to its first result, and the memory that it then has.
 * @param {Environment} env
 * @param {Task} task
 * @param {Float32Array} input
 */
async function cold(env, task, input) {
  const [{ engine: name, ...options }] = task.contestants;
  const bytes = watchMemories();
  const begin = performance.now();
  const engine = await start(name, env, { ...options, shape: task.shape });
  engine.prepare(input);
  await engine.run();
  const ms = performance.now() - begin;
  for (let i = 0; i < 3; i++) await engine.run();
  return { ms, bytes: bytes() };
}
