// SPDX-License-Identifier: Apache-2.0
// docs/performance.md and its pictures, from the kept results and the notes on what was tried.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildGoals, coldGoal, dispatchGoal, goals, memoryGoals, peakGoal, scalingGoals } from "./goals.mjs";
import { networks as known } from "./networks.mjs";
import { bench } from "./places.mjs";
import { roofline } from "./roofline.mjs";
import { writeReadme } from "./readme.mjs";
import { fixed, markdown, rateOf } from "./tables.mjs";

const hostNames = /** @type {const} */ ({ node: "Node", chromium: "Chromium" });
const main = "efficientnet-lite0";
const BUSY_LOAD = 3; // the bench alone makes up to 2

/**
 * @param {string} from folder of results
 * @param {{ docs: string, readme?: boolean }} to folder of documents; whether README.md is rewritten, too
 */
export function writeReport(from, { docs: to, readme = false }) {
  const files = readdirSync(from)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(from, name), "utf8")));
  const all = files.filter((kept) => kept.threads1);
  if (!all.length) return console.log("bench: no race was run yet, so there is nothing to report");
  mkdirSync(join(to, "roofline"), { recursive: true });
  const of = (/** @type {string} */ network, /** @type {string} */ host) =>
    all.find((kept) => kept.network === network && kept.host === host);
  const networks = [...new Set([...goals.map(({ network }) => network), ...all.map(({ network }) => network)])];
  const parts = [
    introduction(all),
    goalTable(of),
    scaling(all, files.filter((kept) => kept.dispatch)),
    withoutRelaxed(all),
    memoryAndCold(of),
    sizes(),
    ...networks.filter((name) => of(name, "node") ?? of(name, "chromium")).map((name) => chapter(name, of, to)),
    method(all),
    notes(),
  ];
  writeFileSync(join(to, "performance.md"), `${parts.filter(Boolean).join("\n\n")}\n`);
  if (readme) writeReadme(of);
}

/** @param {any[]} all */
function introduction(all) {
  const [latest] = [...all].sort((a, b) => b.date.localeCompare(a.date));
  const peers = Object.entries(latest.versions).map(([name, version]) => `${name} ${version}`);
  const { limits } = latest.threads1;
  const load = Math.max(...all.map((kept) => kept.load ?? 0));
  const caution =
    load > BUSY_LOAD
      ? `\n\n**The machine was not quiet**: other work brought its load to ${fixed(load, 0)} on two cores. Times
are longer and two threads gain less than they would alone; the column "least" is nearer to a quiet machine.`
      : "";
  return `# Performance

<!-- Written by \`make bench\` from bench/results/*.json and bench/notes.md, not by hand. -->

mite beside LiteRT.js, onnxruntime-web and TensorFlow.js: batch 1, the same weights in each engine's
format, from numbers to numbers. Everything here is measured by

\`\`\`
make bench                                    # about half an hour; also writes this file
make bench BENCH="efficientnet node"          # only some: networks, node, chromium, race, cold, busy, builds, dispatch
make bench BENCH=report                       # this file again from bench/results/
\`\`\`

Measured ${latest.date} on ${latest.machine}, Node ${latest.node.slice(1)}; ${peers.join(", ")}.
One core gives WebAssembly ${fixed(limits.f32, 0)} GFLOP/s in f32 and ${fixed(limits.int8, 0)} Gop/s in int8 with all
operands in registers, ${fixed(limits.cache, 0)} GB/s from cache and ${fixed(limits.memory, 0)} GB/s from memory. Absolute times
move with the machine; the ratios were taken within one process or page.${caution}`;
}

/** @param {number | undefined} value @param {number} goal */
function verdict(value, goal) {
  if (value === undefined) return "–";
  return `${fixed(value, 2)} ${value >= goal ? "✓" : "✗"}`;
}

/** @param {any} kept @param {import("./goals.mjs").Goal} goal @param {1 | 2} threads */
function timesAs(kept, { engine, kind, against }, threads) {
  const raced = kept?.[`threads${threads}`];
  const find = (/** @type {string} */ name, /** @type {string} */ form) =>
    raced?.results.find((/** @type {any} */ r) => r.engine === name && r.kind === form && r.asked === threads);
  const mine = find("mite", kind);
  if (!mine || (threads > 1 && mine.threads < threads)) return undefined;
  const other = find(engine, against);
  if (!other) return undefined;
  return kind === against ? other.toMite : other.median / mine.median;
}

/** @param {(network: string, host: string) => any} of */
function goalTable(of) {
  const rows = goals.map((goal) => {
    const cells = [`${known[goal.network].title} ${goal.kind}`, `${goal.engine} ${goal.against}`];
    for (const threads of /** @type {const} */ ([1, 2])) {
      const wanted = goal.times[threads - 1];
      cells.push(`≥ ${wanted}`);
      for (const host of Object.keys(hostNames)) {
        cells.push(verdict(timesAs(of(goal.network, host), goal, threads), wanted));
      }
    }
    return cells;
  });
  const heads = ["mite runs", "× as fast as"];
  for (const threads of ["one thread", "two threads"]) heads.push(`goal, ${threads}`, "Node", "Chromium");
  return `## Goals

How many times as fast as the other engine (✓ reached, ✗ missed, – not measured: the tables below
say why).

${markdown(heads, rows)}`;
}

/** @param {any[]} all @param {any[]} chains */
function scaling(all, chains) {
  const rows = [];
  for (const kept of all) {
    for (const kind of kept.kinds) {
      const ratio = (/** @type {any} */ raced, /** @type {boolean} */ inverse) => {
        const find = (/** @type {number} */ asked) =>
          raced?.results.find((/** @type {any} */ r) => r.engine === "mite" && r.kind === kind && r.asked === asked);
        const [one, two] = [find(1), find(2)];
        if (!one || !two || two.threads < 2) return undefined;
        return inverse ? two.median / one.median : one.median / two.median;
      };
      const [quiet, busy] = [ratio(kept.threads2, false), ratio(kept.busy, true)];
      if (quiet === undefined && busy === undefined) continue;
      const verdictBusy = busy === undefined ? "–" : `${fixed(busy, 2)} ${busy <= scalingGoals.busy ? "✓" : "✗"}`;
      rows.push([`${kept.title} ${kind}, ${hostNames[/** @type {"node"} */ (kept.host)]}`, verdict(quiet, scalingGoals.quiet), verdictBusy]);
    }
  }
  const table = rows.length
    ? markdown(["", `speed-up (goal ≥ ${scalingGoals.quiet})`, `beside a busy process, time (goal ≤ ${scalingGoals.busy})`], rows)
    : "mite ran on one thread: this build has no threads.";
  return `## Two threads against one

The machine's two cores are all there are: whatever else runs on it takes from two threads. Beside
another process that keeps one core busy, the time on two threads is given as a share of that on one.

${[table, ...chains.map(dispatch)].join("\n\n")}`;
}

/** @param {any} kept */
function dispatch({ host, dispatch: { nodes, one, two } }) {
  const cost = two - one / 2;
  const met = cost <= dispatchGoal ? "reached" : "missed";
  return `A network of ${nodes} nodes of next to no work, two parts each, run in a row so that all threads are
awake (${hostNames[/** @type {"node"} */ (host)]}): ${fixed(one, 2)} µs a node on one thread, ${fixed(two, 2)} µs on two. Sharing a node out costs
${fixed(cost, 2)} µs, what two threads take beyond half of one's time: ≤ ${dispatchGoal} µs is ${met}.`;
}

/** @param {any[]} all */
function withoutRelaxed(all) {
  const rows = all.flatMap((kept) =>
    (kept.builds ?? []).map((/** @type {any} */ { kind, relaxed, simd, speed, same }) => [
      ...[`${kept.title} ${kind}, ${hostNames[/** @type {"node"} */ (kept.host)]}`, fixed(relaxed), fixed(simd)],
      ...[verdict(speed, buildGoals[/** @type {"f32"} */ (kind)]), kind === "int8" ? (same ? "yes" : "no, parts are f32") : "–"],
    ]),
  );
  if (!rows.length) return "";
  return `## Without relaxed SIMD

The module for engines without relaxed SIMD beside the other one, in turn, one thread. Goals: ${buildGoals.f32} of the
speed in f32, ${buildGoals.int8} in int8, and in int8 the same numbers to the bit. Where the processor has VNNI, relaxed
SIMD gives int8 twice the peak that 16-bit products have, and nothing without it can follow.

${markdown(["", "relaxed, ms", "without, ms", "speed", "same numbers"], rows)}`;
}

/** @param {any} kept @param {string} engine @param {string} kind */
const coldOf = (kept, engine, kind) =>
  kept?.cold?.find((/** @type {any} */ c) => c.engine === engine && c.kind === kind);

/** @param {(network: string, host: string) => any} of */
function memoryAndCold(of) {
  const node = of(main, "node");
  const chromium = of(main, "chromium");
  if (!node?.cold) return "";
  const mb = (/** @type {any} */ start) => (start ? fixed(start.bytes / 1e6) : "–");
  const rows = node.cold.map((/** @type {any} */ start) => {
    const page = coldOf(chromium, start.engine, start.kind);
    return [`${start.engine} ${start.kind}`, mb(start), fixed(start.ms, 0), fixed(page?.ms, 0)];
  });
  const lines = /** @type {const} */ (["int8", "f32"]).flatMap((kind) => {
    const mine = coldOf(node, "mite", kind);
    if (!mine) return [];
    const met = mine.bytes / 1e6 <= memoryGoals[kind] ? "reached" : "missed";
    return [`- memory in ${kind} ≤ ${memoryGoals[kind]} MB: ${met} (${mb(mine)})`];
  });
  const mine = coldOf(node, "mite", "int8");
  if (mine) lines.push(`- int8 in Node ≤ ${coldGoal} ms: ${mine.ms <= coldGoal ? "reached" : "missed"} (${fixed(mine.ms, 0)})`);
  const there = coldOf(chromium, "mite", "int8");
  if (there) {
    const peers = chromium.cold.filter((/** @type {any} */ c) => c.engine !== "mite");
    const best = Math.min(...peers.map((/** @type {any} */ c) => c.ms));
    lines.push(`- in Chromium int8 ≤ half of the best peer: ${there.ms <= best / 2 ? "reached" : "missed"} (${fixed(there.ms, 0)} of ${fixed(best, 0)} ms)`);
  }
  return `## Memory and cold start: EfficientNet-Lite0

The largest WebAssembly memory in a process that runs this alone; and the time from importing the engine
to the first result in a fresh process or a fresh browser that has fetched nothing but the input, with
WebAssembly module and model from local HTTP (median of ${node.cold[0].all.length} launches; in Node the JavaScript
comes from disk).

${markdown(["", "memory, MB", "cold start in Node, ms", "in Chromium, ms"], rows)}

${lines.join("\n")}`;
}

function sizes() {
  const files = {
    "mite": "../bindings/js/dist/mite-relaxed.wasm",
    "tfjs-wasm": "node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm",
    "LiteRT.js": "node_modules/@litertjs/core/wasm/litert_wasm_internal.wasm",
    "onnxruntime-web": "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
  };
  const rows = Object.entries(files)
    .filter(([, file]) => existsSync(join(bench, file)))
    .map(([name, file]) => {
      const bytes = readFileSync(join(bench, file));
      return [name, fixed(bytes.length / 1e3, 0), fixed(gzipSync(bytes, { level: 9 }).length / 1e3, 0)];
    });
  return `## To download

The WebAssembly module for one thread; JavaScript comes on top (\`make size\` tells all of mite's).

${markdown(["", "kB", "kB, gzip -9"], rows)}`;
}

/**
 * @param {string} name
 * @param {(network: string, host: string) => any} of
 * @param {string} to
 */
function chapter(name, of, to) {
  const hosts = Object.keys(hostNames).filter((host) => of(name, host));
  const { title, macs } = of(name, hosts[0]);
  const tables = hosts.map((host) => raceTable(of(name, host)));
  const source = of(name, "node") ?? of(name, "chromium");
  const { limits, profiles } = source.threads1;
  const parts = [`## ${title}: ${fixed(macs / 1e6, 0)} million multiply-adds`, ...tables];
  if (profiles.length) {
    writeFileSync(join(to, `roofline/${name}.svg`), roofline(`${title}, mite in ${source.host}`, limits, profiles));
    parts.push(`![Roofline of ${title}](roofline/${name}.svg)`, whereTimeGoes(source));
  }
  return parts.join("\n\n");
}

/** @param {any} kept */
function raceTable(kept) {
  const { threads1, threads2 } = kept;
  const onTwo = (/** @type {string} */ engine, /** @type {string} */ kind) =>
    threads2?.results.find(
      (/** @type {any} */ r) => r.engine === engine && r.kind === kind && r.asked === 2 && r.threads === 2,
    );
  const rows = threads1.results.map((/** @type {any} */ one) => {
    const { engine, kind, median, least, toMite, difference } = one;
    const { rate, share } = rateOf(kept, threads1, one);
    const two = onTwo(engine, kind);
    const cold = coldOf(kept, engine, kind);
    const isPeer = engine !== "mite";
    return [
      ...[`${engine} ${kind}`, fixed(median), fixed(least), isPeer ? fixed(toMite, 2) : ""],
      ...[fixed(rate), `${fixed(100 * share, 0)} %`],
      ...[fixed(two?.median), isPeer && onTwo("mite", kind) ? fixed(two?.toMite, 2) : ""],
      ...[cold ? fixed(cold.bytes / 1e6) : "–", difference ? difference.toExponential(0) : "0"],
    ];
  });
  const heads = [
    ...["", "ms", "least", "× mite's time", "Gop/s", "of peak"],
    ...["two threads, ms", "× mite's time", "memory, MB", "difference"],
  ];
  const notes = notesOf(kept);
  const host = hostNames[/** @type {"node"} */ (kept.host)];
  return [`**${host}**, begun at a load of ${fixed(kept.load)}`, markdown(heads, rows), ...(notes.length ? [notes.join("\n")] : [])].join("\n\n");
}

/** Who did not run, and why; where the reason is the same for both, once. @param {any} kept */
function notesOf({ threads1, threads2 }) {
  const reason = (/** @type {any} */ { engine, kind, why }) => `${engine} ${kind}, not run: ${why}`;
  const always = new Set(threads1.absent.map(reason));
  const onTwo = (threads2?.absent ?? []).map(reason).filter((/** @type {string} */ note) => !always.has(note));
  const single = (threads2?.results ?? [])
    .filter((/** @type {any} */ r) => r.threads < r.asked)
    .map((/** @type {any} */ r) => `${r.engine} ${r.kind} has one thread only`);
  const dropped = threads1.dropped + (threads2?.dropped ?? 0);
  return [
    ...[...always].map((note) => `- ${note}`),
    ...[...new Set([...onTwo, ...single])].map((note) => `- on two threads: ${note}`),
    ...(dropped ? [`- ${dropped} launches with LiteRT.js at a fraction of its speed were dropped`] : []),
  ];
}

/** Nodes of one kernel together, so that a goal missed shows where its time goes. @param {any} kept */
function whereTimeGoes(kept) {
  const { limits, profiles } = kept.threads1;
  return profiles
    .map((/** @type {any} */ { kind, nodes }) => {
      const total = nodes.reduce((/** @type {number} */ sum, /** @type {any} */ { ms }) => sum + ms, 0);
      /** @type {Map<string, { count: number, ms: number, macs: number }>} */
      const groups = new Map();
      for (const { op, kernel, ms, macs } of nodes) {
        const name = kernel && kernel !== op ? `${op}, ${kernel}` : op;
        const group = groups.get(name) ?? { count: 0, ms: 0, macs: 0 };
        groups.set(name, { count: group.count + 1, ms: group.ms + ms, macs: group.macs + macs });
      }
      const rows = [...groups]
        .sort(([, a], [, b]) => b.ms - a.ms)
        .slice(0, 8)
        .map(([name, { count, ms, macs }]) => {
          const rate = macs ? (2 * macs) / ms / 1e6 : undefined;
          const share = rate === undefined ? "–" : `${fixed((100 * rate) / limits[kind], 0)} %`;
          return [name, `${count}`, fixed(ms, 2), `${fixed((100 * ms) / total, 0)} %`, fixed(rate), share];
        });
      const whole = nodes.reduce((/** @type {number} */ sum, /** @type {any} */ { macs }) => sum + macs, 0);
      const rate = (2 * whole) / total / 1e6 / limits[kind];
      const goal = kind === "f32" ? ` (goal ${100 * peakGoal} %)` : "";
      const head = `Where mite's time goes in ${kind}; all of it together is ${fixed(100 * rate, 0)} % of the peak${goal}.`;
      return `${head}\n\n${markdown(["operator, kernel", "nodes", "ms", "of the time", "Gop/s", "of peak"], rows)}`;
    })
    .join("\n\n");
}

/** The one part that people write: what was tried where a goal is missed. */
function notes() {
  const file = join(bench, "notes.md");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}

/** @param {any[]} all */
function method(all) {
  const { options } = all[0];
  const requirements = readFileSync(join(bench, "generate/requirements.txt"), "utf8");
  const pinned = ["tensorflow_cpu", "onnx", "onnxruntime"].map((name) => {
    const version = new RegExp(`^${name}==(.+)$`, "m").exec(requirements)?.[1];
    return `${name.replace("_", "-")} ${version}`;
  });
  return `## How it is measured

- **Networks.** EfficientNet-Lite0 has its published weights. The others have seeded random ones with batch norm
  folded, scaled so that values keep their size; \`bench/generate/\` writes the same numbers into ONNX,
  TFLite and TensorFlow.js's graph format, in a Python environment below build/bench/ that \`make bench\`
  sets up (${pinned.join(", ")}; needed for nothing else). int8 is calibrated by the same examples in
  ONNX Runtime's quantizer (QDQ), TensorFlow's converter and mite's; the transformer's is dynamic. mite's
  files come from \`mite convert\`.
- **Turns.** All engines are loaded in one process or page and run one after the other, round by
  round: at least ${options.warm.rounds} rounds and ${options.warm.ms / 1000} s to warm up, then at least ${options.measure.rounds} rounds and ${options.measure.ms / 1000} s
  that count (fewer rounds where they take four times as long). That is done in ${options.launches} launches; figures are medians of the launches' medians, and ratios are
  taken within a launch. A launch in which LiteRT.js, beside the others, is 1.6 times as slow as in its best one
  is dropped, as the tables then say: about one of ten is. With two threads there are 3 ms between two
  turns, since some engines' workers spin for a while after a run.
- **Input and output** are arrays of f32; bringing them in and out counts. Turning NCHW into NHWC for engines
  of TensorFlow's family does not.
- **Agreement** is checked in every launch: f32 within 0.002 of the largest output, int8 with a cosine of at
  least 0.95 to f32 and, where weights are published, the same best class. The tables' last column is
  the largest difference from onnxruntime-web in f32, as a share of the largest output.
- **Peak** is measured in the same process: independent multiply-adds with operands in registers
  (\`bench/limits.mjs\`); int8 takes the better of 8-bit and 16-bit products. Two threads have twice the peak.
- **Node** runs LiteRT.js through a shim (it asks for script tags) and TensorFlow.js on one thread only.
  Chromium is Debian's, headless, on a cross-origin isolated page.`;
}
