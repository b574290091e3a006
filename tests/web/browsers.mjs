// SPDX-License-Identifier: Apache-2.0
// Three engines behind one small interface: open a page, run a script in it, press keys, take a
// picture. Chromium and Firefox are driven by puppeteer, WebKitGTK by WebDriver under Xvfb.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const file = new URL("../../.toolchain/browsers.json", import.meta.url);
const found = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};

export const engines = ["chromium", "firefox", "webkit"];

/** @param {string} engine */
export const browserPath = (engine) => found[engine]?.path;

/** Why an engine cannot be used here, or false. */
export function missing(engine) {
  if (found[engine]?.path) return false;
  return `${engine} is not here: ${found[engine]?.reason ?? "tools/browsers.sh was not run"}`;
}

/**
 * @typedef {object} Page
 * @property {(url: string) => Promise<void>} open
 * @property {(script: Function | string, ...args: any[]) => Promise<any>} run
 * @property {(path: string, options?: { fullPage: boolean }) => Promise<void>} screenshot
 * @property {(width: number, height: number) => Promise<void>} resize
 * @property {(key: string) => Promise<void>} [press]
 * @property {(scheme: "light" | "dark") => Promise<void>} [prefer]
 * @property {() => Promise<string[]>} [uninstallable] why the browser would not install the page
 * @property {(url: string, bytes?: number) => Promise<void>} [quota] what the origin may store
 * @property {() => Promise<number>} [memory] bytes of the processes that run pages, garbage collected
 * @property {string[]} complaints what the console and the security policy said, if it can be read
 * @property {() => Promise<void>} close
 */

/** @returns {Promise<Page>} */
export async function launch(engine) {
  return engine === "webkit" ? launchWebKit() : launchPuppeteer(engine);
}

async function launchPuppeteer(engine) {
  const { default: puppeteer } = await import("puppeteer-core");
  const browser = await puppeteer.launch({
    browser: engine === "firefox" ? "firefox" : "chrome",
    executablePath: found[engine].path,
    headless: true,
    protocolTimeout: 240_000,
    args:
      engine === "chromium"
        ? ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        : [],
    extraPrefsFirefox: { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true },
  });
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return {
    complaints,
    open: async (url) => void (await page.goto(url)),
    run: (script, ...args) => page.evaluate(script, ...args),
    screenshot: async (path, options) => void (await page.screenshot({ path, ...options })),
    resize: (width, height) => page.setViewport({ width, height }),
    press: (key) => page.keyboard.press(key),
    quota: async (url, quotaSize) => {
      const session = await page.createCDPSession();
      await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(url).origin, quotaSize });
    },
    memory: async () => {
      const session = await page.createCDPSession();
      for (let times = 0; times < 3; times++) await session.send("HeapProfiler.collectGarbage");
      await session.detach();
      await sleep(500);
      return residentBytes(browser.process().pid, /--type=renderer/);
    },
    uninstallable: async () => {
      const session = await page.createCDPSession();
      const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
      return installabilityErrors.map(({ errorId }) => errorId);
    },
    prefer: (value) => page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]),
    close: () => browser.close(),
  };
}

/** Resident memory of a process's descendants whose command line matches; Linux. */
function residentBytes(ancestor, pattern) {
  const about = (pid, file) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return ""; // it has ended
    }
  };
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parents = new Map(pids.map((pid) => [pid, /^PPid:\s*(\d+)/m.exec(about(pid, "status"))?.[1]]));
  const descends = (pid) => pid === String(ancestor) || (parents.has(pid) && descends(parents.get(pid)));
  const bytes = pids.filter((pid) => descends(pid) && pattern.test(about(pid, "cmdline")))
    .map((pid) => 1024 * Number(/^VmRSS:\s*(\d+)/m.exec(about(pid, "status"))?.[1] ?? 0));
  return bytes.reduce((sum, each) => sum + each, 0);
}

async function launchWebKit() {
  const { path, driver, xvfb } = found.webkit;
  const display = `:${90 + (process.pid % 400)}`;
  const port = 20000 + (process.pid % 20000);
  const screen = spawn(xvfb, [display, "-screen", "0", "1280x1024x24"], { stdio: "ignore" });
  await sleep(1000);
  const env = { ...process.env, DISPLAY: display, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" };
  const server = spawn(driver, [`--port=${port}`], { stdio: "ignore", env });
  await sleep(1000);
  const { Builder, Capabilities } = await import("selenium-webdriver");
  const web = await new Builder()
    .usingServer(`http://127.0.0.1:${port}`)
    .withCapabilities(
      new Capabilities({
        browserName: "MiniBrowser",
        "webkitgtk:browserOptions": { binary: path, args: ["--automation"] },
      }),
    )
    .build();
  await web.manage().setTimeouts({ script: 240_000 });
  return {
    complaints: [],
    open: (url) => web.get(url),
    run: async (script, ...args) => {
      const [ok, value] = await web.executeAsyncScript(
        `const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);
         Promise.resolve().then(() => (${script})(...args)).then(v => done([true, v]), e => done([false, String(e)]));`,
        ...args,
      );
      if (!ok) throw new Error(value);
      return value;
    },
    screenshot: async (path) => writeFile(path, await web.takeScreenshot(), "base64"),
    resize: async (width, height) => void (await web.manage().window().setRect({ width, height })),
    close: async () => {
      await web.quit().catch(() => {});
      server.kill();
      screen.kill();
    },
  };
}

/** Asks `script` (with `args`) until it gives something true; fails after `seconds`. */
export async function until(page, script, args = [], seconds = 120) {
  const end = Date.now() + 1000 * seconds;
  for (;;) {
    const value = await page.run(script, ...args);
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain for ${script}`);
    await sleep(100);
  }
}
