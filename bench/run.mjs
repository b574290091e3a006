// SPDX-License-Identifier: Apache-2.0
// make bench: EfficientNet-Lite0, batch 1, one thread, mite beside its peers, taken in turn in one
// process (Node) and one page (Chromium). --short: few rounds, to see that everything runs.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { race } from "./contestants.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..");
const shared = join(process.env.MITE_SHARED ?? join(root, "../shared"), "models");
const short = process.argv.includes("--short");
const options = short ? { rounds: 3, warm: 1 } : { rounds: 41, warm: 25 };

const folders = {
  "/bench/": here,
  "/mite/": join(root, "bindings/js/"),
  "/models/": join(root, "models/"),
  "/peers/": join(here, "node_modules/"),
  "/shared/": `${shared}/`,
};
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

async function inNode() {
  const read = (path) =>
    readFile(path.startsWith("mite:") ? join(root, "models", path.slice(5)) : join(shared, path));
  const env = { node: true, peers: join(here, "node_modules"), mite: join(root, "bindings/js"), read };
  return race(env, options);
}

async function inChromium() {
  const file = join(root, ".toolchain/browsers.json");
  const { chromium } = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  if (!chromium?.path) return { failed: "Chromium is not here" };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const prefix = Object.keys(folders).find((name) => pathname.startsWith(name));
    try {
      const body = await readFile(folders[prefix] + pathname.slice(prefix.length));
      response.writeHead(200, { "content-type": types[extname(pathname)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  const { default: puppeteer } = await import("puppeteer-core");
  const browser = await puppeteer.launch({
    executablePath: chromium.path,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    protocolTimeout: 600_000,
  });
  try {
    const page = await browser.newPage();
    const hash = encodeURIComponent(JSON.stringify(options));
    await page.goto(`http://localhost:${server.address().port}/bench/page.html#${hash}`);
    await page.waitForFunction(() => globalThis.race !== undefined);
    return await page.evaluate(() => globalThis.race);
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}

function table(title, { results, absent, failed }) {
  if (failed) return `${title}: ${failed}`;
  const at = (name) => results.find((result) => result.name === name)?.median;
  const lines = results.map(({ name, median, first, load, bytes }) => {
    const kind = name.split(" ").at(-1);
    const ratio = name.startsWith("mite") ? "" : `${(median / at(`mite ${kind}`)).toFixed(2)} x mite`;
    const memory = bytes ? `${(bytes / 1e6).toFixed(1)} MB` : "";
    return `  ${name.padEnd(22)} ${median.toFixed(1).padStart(7)} ms  ${ratio.padStart(12)}  first ${first.toFixed(0).padStart(4)} ms  load ${load.toFixed(0).padStart(5)} ms  ${memory}`;
  });
  const missing = Object.entries(absent).map(([name, why]) => `  ${name.padEnd(22)} not run: ${why}`);
  const answers = new Set(results.filter(({ name }) => name.endsWith("f32")).map(({ best }) => best));
  const agree = answers.size === 1 ? "all f32 engines give the same class" : "the f32 engines DISAGREE";
  return [`${title} (median of ${options.rounds}, ${agree})`, ...lines, ...missing].join("\n");
}

const version = (name) => JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8")).version;
const report = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus()[0].model}, ${cpus().length} cores`,
  node: process.version,
  peers: { "onnxruntime-web": version("onnxruntime-web"), "@litertjs/core": version("@litertjs/core") },
  what: "EfficientNet-Lite0, 224x224, batch 1, one thread, same weights in each engine's own format",
  options,
  inNode: await inNode(),
};
console.log(table("Node", report.inNode));
report.chromium = await inChromium();
console.log(table("Chromium", report.chromium));
console.log(`${report.machine}; Node ${report.node}; ${JSON.stringify(report.peers)}`);
const failed = [report.inNode, report.chromium].some((r) => r.results && new Set(r.results.filter(({ name }) => name.endsWith("f32")).map(({ best }) => best)).size > 1);
if (!short) {
  mkdirSync(join(here, "results"), { recursive: true });
  writeFileSync(join(here, "results/latest.json"), `${JSON.stringify(report, null, 2)}\n`);
}
process.exitCode = failed ? 1 : 0;
