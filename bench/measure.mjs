// SPDX-License-Identifier: Apache-2.0
// Measures one network on one host: which tasks are run how often, and what is kept of them.
import { spawn } from "node:child_process";
import { CHAIN } from "./chain.mjs";
import { engines } from "./engines/engines.mjs";
import { hosts } from "./hosts.mjs";
import { largest } from "./limits.mjs";
import { median } from "./race.mjs";

/**
 * @typedef {import("./race.mjs").Contestant} Contestant
 * @typedef {Contestant & { asked: number, median: number, least: number, rounds: number }} Result
 * @typedef {{ results: Result[], absent: (Contestant & { why: string })[],
 *   limits: import("./limits.mjs").Limits, profiles: { kind: string, nodes: any[] }[] }} Launch
 *
 * @typedef {object} Options
 * @property {{ ms: number, rounds: number }} warm
 * @property {{ ms: number, rounds: number }} measure
 * @property {number} launches of each race
 * @property {number} colds launches of each engine for a cold start, at most
 * @property {readonly string[]} coldEngines
 */

/** @type {Options} */
export const thorough = {
  warm: { ms: 5000, rounds: 10 },
  measure: { ms: 6000, rounds: 15 },
  launches: 3,
  colds: 7,
  coldEngines: Object.keys(engines),
};
/** @type {Options} */
export const short = {
  warm: { ms: 0, rounds: 1 },
  measure: { ms: 0, rounds: 3 },
  launches: 1,
  colds: 1,
  coldEngines: ["mite"],
};

// LiteRT.js comes out about twice as slow in one page launch of ten, and stays so.
const SLOW_LAUNCH = 1.6;

/** @param {readonly ("f32" | "int8")[]} kinds @param {number} threads @returns {Contestant[]} */
const everyone = (kinds, threads) =>
  Object.keys(engines).flatMap((engine) => kinds.map((kind) => ({ engine, kind, threads })));

/**
 * @typedef {object} Subject
 * @property {string} origin
 * @property {import("./networks.mjs").Network} network
 * @property {import("./networks.mjs").Prepared} prepared
 * @property {keyof typeof hosts} host
 * @property {Options} options
 */

/** @param {Subject} subject @param {Partial<import("./race.mjs").Task>} task */
function perform({ origin, prepared, host, options }, task) {
  const { warm, measure } = options;
  const whole = { what: "race", contestants: [], shape: prepared.shape, warm, measure, profile: false, ...task };
  return hosts[host]({ origin, network: prepared.path, task: /** @type {any} */ (whole) });
}

/**
 * What mite lacks is said in the converter's words, not by a file that is not there.
 * @param {Launch} launch
 * @param {Subject} subject
 */
function explained(launch, { prepared }) {
  for (const entry of launch.absent) {
    const why = entry.engine === "mite" && prepared.missing[entry.kind];
    if (why) entry.why = why;
  }
  return launch;
}

/**
 * All engines with so many threads; with more than one, mite on one as well, for the scaling.
 * @param {Subject} subject
 * @param {number} threads
 */
export async function race(subject, threads) {
  const { kinds } = subject.network;
  const contestants = everyone(kinds, threads);
  if (threads > 1) contestants.push(...kinds.map((kind) => ({ engine: "mite", kind, threads: 1 })));
  /** @type {Launch[]} */
  const launches = [];
  for (let i = 0; i < subject.options.launches; i++) {
    const launch = await perform(subject, { contestants, profile: threads === 1 });
    checkAgreement(launch.results, subject.network);
    launches.push(explained(launch, subject));
  }
  return summary(launches, threads);
}

/** mite alone, on one thread and on two, while another process keeps a core busy. @param {Subject} subject */
export async function besideBusy(subject) {
  const contestants = [1, 2].flatMap((threads) =>
    subject.network.kinds.map((kind) => ({ engine: "mite", kind, threads })),
  );
  const busy = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  try {
    const launch = await perform(subject, { contestants });
    checkAgreement(launch.results, subject.network);
    return summary([explained(launch, subject)], 2);
  } finally {
    busy.kill();
  }
}

/**
 * mite with and without relaxed SIMD, in turn. The int8 form must give the same numbers, to the bit, but
 * where parts of it are f32, as in the transformer.
 * @param {Subject} subject
 */
export async function builds(subject) {
  const { kinds, int8, title } = subject.network;
  const builds = /** @type {const} */ ([undefined, "simd"]);
  const contestants = kinds.flatMap((kind) =>
    builds.map((build) => ({ engine: "mite", kind, threads: 1, ...(build && { build }) })),
  );
  const { results } = await perform(subject, { contestants });
  return kinds.map((kind) => {
    const [relaxed, simd] = builds.map((build) =>
      results.find((/** @type {any} */ r) => r.kind === kind && r.build === build),
    );
    if (!relaxed || !simd) throw new Error(`${title}: mite did not run in ${kind}`);
    const equals = (/** @type {number} */ v, /** @type {number} */ i) => Object.is(v, relaxed.output[i]);
    const same = simd.output.every(equals);
    if (kind === "int8" && int8 === "calibrated" && !same) {
      throw new Error(`${title}: int8 without relaxed SIMD gives other numbers than with it`);
    }
    return { kind, relaxed: relaxed.median, simd: simd.median, speed: relaxed.median / simd.median, same };
  });
}

/**
 * What a node of next to no work costs on one thread and on two that are awake.
 * @param {Omit<Subject, "network">} subject
 */
export async function dispatchCost(subject) {
  const contestants = [1, 2].map((threads) => ({ engine: "mite", kind: "f32", threads }));
  const nodes = CHAIN;
  const task = { what: "dispatch", contestants };
  const [one, two] = await perform(/** @type {any} */ (subject), /** @type {any} */ (task));
  const micros = (/** @type {number} */ ms) => (1000 * ms) / nodes;
  return { nodes, threads: two.threads, one: micros(one.median), two: micros(two.median) };
}

/** Each engine in processes or pages of its own, in turn. @param {Subject} subject */
export async function coldStarts(subject) {
  const { options, network } = subject;
  const entries = everyone(network.kinds, 1)
    .filter(({ engine }) => options.coldEngines.includes(engine))
    .map((contestant) => ({ contestant, runs: /** @type {{ ms: number, bytes: number }[]} */ ([]) }));
  for (let i = 0; i < Math.min(options.colds, network.colds); i++) {
    for (const { contestant, runs } of entries) {
      const start = perform(subject, { what: "cold", contestants: [contestant] });
      await start.then((run) => runs.push(run)).catch(() => {}); // the race says why it cannot
    }
  }
  return entries
    .filter(({ runs }) => runs.length)
    .map(({ contestant, runs }) => {
      const all = runs.map(({ ms }) => ms);
      return { ...contestant, ms: median(all), all, bytes: median(runs.map(({ bytes }) => bytes)) };
    });
}

/**
 * Adds to each result how far it is from f32, and to what it must be near; throws where engines disagree.
 * @param {any[]} results
 * @param {import("./networks.mjs").Network} network
 */
function checkAgreement(results, { classifies, title }) {
  const f32 = results.filter(({ kind }) => kind === "f32");
  const reference = f32.find(({ engine }) => engine === "onnxruntime-web") ?? f32[0] ?? results[0];
  if (!reference) return;
  const wanted = reference.output;
  const largest = Math.max(...wanted.map(Math.abs));
  const distance = (/** @type {number} */ v, /** @type {number} */ i) => Math.abs(v - wanted[i]);
  const best = (/** @type {number[]} */ numbers) => numbers.indexOf(Math.max(...numbers));
  for (const result of results) {
    const { output, kind, engine } = result;
    result.difference = Math.max(...output.map(distance)) / largest;
    result.cosine = cosine(output, wanted);
    result.sameClass = best(output) === best(wanted);
    const agrees =
      kind === reference.kind
        ? result.difference < 2e-3
        : result.cosine > 0.95 && (!classifies || result.sameClass);
    if (!agrees) {
      const by = `difference ${result.difference.toPrecision(2)} of the largest, cosine ${result.cosine.toFixed(4)}`;
      throw new Error(`${title}: ${engine} ${kind} disagrees with ${reference.engine} ${reference.kind}: ${by}`);
    }
  }
  for (const result of results) delete result.output;
}

/** @param {number[]} a @param {number[]} b */
function cosine(a, b) {
  const dot = (/** @type {number[]} */ x, /** @type {number[]} */ y) => x.reduce((s, v, i) => s + v * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** @param {{ engine: string, kind: string, asked?: number, threads: number }} one */
const keyOf = ({ engine, kind, asked, threads }) => `${engine} ${kind} ${asked ?? threads}`;

/**
 * LiteRT.js's times over everybody's, in whatever else the machine was doing.
 * @param {Map<string, number>} times of one launch
 */
function slownessOf(times) {
  const mean = (/** @type {(key: string) => boolean} */ chosen) => {
    const logs = [...times].filter(([key]) => chosen(key)).map(([, time]) => Math.log(time));
    return logs.reduce((a, b) => a + b, 0) / logs.length;
  };
  const isLiteRt = (/** @type {string} */ key) => key.startsWith("LiteRT.js");
  return Math.exp(mean(isLiteRt) - mean((key) => !isLiteRt(key)));
}

/** @param {number | undefined} a @param {number | undefined} b */
const quotient = (a, b) => (a === undefined || b === undefined ? undefined : a / b);

/**
 * Medians over the launches that count, and ratios taken within each of them.
 * @param {Launch[]} launches
 * @param {number} threads
 */
function summary(launches, threads) {
  const times = (/** @type {Launch} */ launch) => new Map(launch.results.map((r) => [keyOf(r), r.median]));
  const all = launches.map(times);
  const slowness = all.map(slownessOf);
  const kept = launches.filter((_, i) => !(slowness[i] > SLOW_LAUNCH * Math.min(...slowness)));
  const over = (/** @type {(launch: Launch, times: Map<string, number>) => number | undefined} */ of) => {
    const values = kept.map((launch) => of(launch, times(launch))).filter((v) => v !== undefined);
    return values.length ? median(/** @type {number[]} */ (values)) : undefined;
  };
  const [first] = launches;
  const results = first.results.map((result) => {
    const key = keyOf(result);
    const mine = keyOf({ ...result, engine: "mite", asked: threads });
    return {
      ...result,
      median: over((_, t) => t.get(key)),
      least: Math.min(...kept.map((l) => l.results.find((r) => keyOf(r) === key)?.least ?? Infinity)),
      toMite: over((_, t) => quotient(t.get(key), t.get(mine))),
    };
  });
  return {
    threads,
    launches: launches.length,
    dropped: launches.length - kept.length,
    results,
    absent: first.absent,
    limits: largest(kept.map(({ limits }) => limits)),
    profiles: kept.at(-1)?.profiles ?? [],
    medians: all.map((launch) => Object.fromEntries(launch)),
  };
}
