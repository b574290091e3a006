// SPDX-License-Identifier: Apache-2.0
// make bench: mite beside its peers. Words choose parts: names of networks (or their beginnings),
// node, chromium, race, cold, busy, builds (with relaxed SIMD and without), dispatch (of a node to threads);
// `report` alone writes the pictures and docs/performance.md anew from what is kept in bench/results/.
// --short: a tiny network, few rounds, results to build/bench/: to see that all runs and the engines agree.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describe } from "../bindings/js/src/convert.js";
import { hosts, whyNot } from "./hosts.mjs";
import { besideBusy, builds, coldStarts, dispatchCost, race, short, thorough } from "./measure.mjs";
import { networks, prepare, prepareChain, tiny } from "./networks.mjs";
import { bench, build, root } from "./places.mjs";
import { writeReport } from "./report.mjs";
import { serve } from "./server.mjs";
import { buildsLine, dispatchLine, tableOf } from "./tables.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: "boolean", default: false }, launches: { type: "string" } },
});

/** @type {<T extends string>(names: readonly T[]) => T[]} Those that a word begins, or all. */
const chosen = (names) => {
  const found = names.filter((name) => positionals.some((word) => name.startsWith(word)));
  return found.length ? found : [...names];
};
const parts = ["race", "cold", "busy", "builds", "dispatch"];
const known = [...Object.keys(networks), ...Object.keys(hosts), ...parts, "report"];
const unknown = positionals.find((word) => !known.some((name) => name.startsWith(word)));
if (unknown) {
  console.error(`bench: there is no part '${unknown}'; there are ${known.join(", ")}`);
  process.exit(2);
}

const options = values.short ? short : { ...thorough, launches: Number(values.launches ?? thorough.launches) };
const subjects = values.short ? { tiny } : networks;
const results = values.short ? join(build, "results") : join(bench, "results");

function versions() {
  const require = createRequire(join(bench, "package.json"));
  const { devDependencies } = require("./package.json");
  const { version } = require(join(root, "bindings/js/package.json"));
  return { mite: version, ...devDependencies };
}

/** With the one extension of the processor that int8 depends on. */
function machine() {
  const vnni = existsSync("/proc/cpuinfo") && /\bavx_?(512_)?vnni\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  return `${cpus()[0].model.trim()}, ${cpus().length} cores, ${vnni ? "with" : "without"} VNNI`;
}

/** @param {string} _ @param {unknown} value */
const sixDigits = (_, value) =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;

/** @param {string} file */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

/**
 * Bytes that each node reads and writes, for the roofline.
 * @param {any} raced
 * @param {string} folder
 */
async function addBytes(raced, folder) {
  for (const { kind, nodes } of raced.profiles) {
    const description = await describe(readFileSync(join(folder, `${kind}.mite`)));
    for (const [i, node] of nodes.entries()) node.bytes = description.nodes[i].bytes;
  }
}

/** @param {string} origin @param {string} name @param {keyof typeof hosts} host */
async function measure(origin, name, host) {
  const network = /** @type {Record<string, import("./networks.mjs").Network>} */ (subjects)[name];
  const prepared = prepare(name, network);
  const subject = { origin, network, prepared, host, options };
  const file = join(results, `${host}.${name}.json`);
  const asked = chosen(parts);
  const before = readJson(file);
  /** @type {any} */
  const kept = {
    ...before,
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    load: asked.includes("race") ? loadavg()[0] : before.load, // what else ran when the race began
    node: process.version,
    versions: versions(),
    options,
    ...{ host, network: name, title: network.title, macs: prepared.macs, kinds: network.kinds },
  };
  const save = () => writeFileSync(file, `${JSON.stringify(kept, sixDigits, 1)}\n`);
  if (asked.includes("race")) {
    for (const threads of [1, 2]) {
      kept[`threads${threads}`] = await race(subject, threads);
      await addBytes(kept[`threads${threads}`], join(root, prepared.path));
      console.log(tableOf(kept, threads));
      save();
    }
  }
  if (asked.includes("busy") && host === "node" && !values.short) kept.busy = await besideBusy(subject);
  if (asked.includes("cold")) kept.cold = await coldStarts(subject);
  if (asked.includes("builds")) {
    kept.builds = await builds(subject);
    console.log(buildsLine(kept));
  }
  save();
}

/** @param {string} origin @param {keyof typeof hosts} host */
async function measureDispatch(origin, host) {
  const cost = await dispatchCost({ origin, prepared: prepareChain(), host, options });
  writeFileSync(join(results, `${host}.dispatch.json`), `${JSON.stringify({ host, dispatch: cost }, sixDigits, 1)}\n`);
  console.log(dispatchLine(host, cost));
}

const here = chosen(/** @type {(keyof typeof hosts)[]} */ (Object.keys(hosts))).filter((host) => {
  const why = whyNot(host);
  if (why) console.log(`bench: nothing is measured in ${host}: ${why}`);
  return !why;
});
mkdirSync(results, { recursive: true });
const server = await serve();
try {
  if (!positionals.includes("report")) {
    if (chosen(parts).includes("dispatch")) for (const host of here) await measureDispatch(server.origin, host);
    const others = chosen(parts).some((part) => part !== "dispatch");
    for (const name of others ? chosen(Object.keys(subjects)) : []) {
      for (const host of here) {
        console.log(`bench: ${name} in ${host} …`);
        await measure(server.origin, name, host);
      }
    }
  }
  writeReport(results, values.short ? { docs: join(build, "docs") } : { docs: join(root, "docs"), readme: true });
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  server.close();
}
