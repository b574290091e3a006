// SPDX-License-Identifier: Apache-2.0
// Where tasks are performed: a fresh Node process or a fresh Chromium each time.
import { fork } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bench, root } from "./places.mjs";

const TIMEOUT_MS = 600_000;

/**
 * @typedef {{ origin: string, network: string, task: import("./race.mjs").Task }} Order network is a path
 * @typedef {(order: Order) => Promise<any>} Host
 */

/** @param {{ value?: unknown, failed?: string } | undefined} answer */
function valueOf(answer) {
  if (answer?.value) return answer.value;
  throw new Error(answer?.failed ?? "the process ended without an answer");
}

/** @type {Host} */
async function node(order) {
  const child = fork(join(bench, "child.mjs"), { stdio: ["ignore", "ignore", "ignore", "ipc"], timeout: TIMEOUT_MS });
  const answer = new Promise((resolve) => {
    child.once("message", resolve);
    child.once("exit", () => resolve(undefined));
  });
  child.send(order);
  return valueOf(/** @type {any} */ (await answer));
}

function chromiumPath() {
  const file = join(root, ".toolchain/browsers.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).chromium?.path : undefined;
}

/** @type {Host} */
async function chromium({ origin, ...order }) {
  const { default: puppeteer } = await import("puppeteer-core");
  const browser = await puppeteer.launch({
    executablePath: chromiumPath(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    protocolTimeout: TIMEOUT_MS,
  });
  try {
    const [page] = await browser.pages();
    await page.goto(`${origin}/bench/page.html`);
    await page.waitForFunction(() => "perform" in globalThis);
    return valueOf(await page.evaluate((order) => globalThis.perform(order), order));
  } finally {
    await browser.close();
  }
}

/** @param {"node" | "chromium"} host */
export const whyNot = (host) =>
  host === "chromium" && !chromiumPath() ? "there is no Chromium; `make browsers` finds it" : undefined;

export const hosts = { node, chromium };
