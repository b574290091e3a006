// SPDX-License-Identifier: Apache-2.0
// docs/deployment.md as a newcomer goes through it: its files are saved, its commands run, in their order, in
// an empty folder and one shell, with the package as it is shipped; browsers look at the page where the text
// says what there is to see.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { engines, launch, missing } from "../web/browsers.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const text = readFileSync(join(root, "docs/deployment.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "mite-deployment-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const project = join(folder, "project");
const home = join(folder, "home");

/** What the reader has: a network, inputs, and what `npm install mite` would bring. */
function prepare() {
  mkdirSync(join(project, "examples"), { recursive: true });
  mkdirSync(home);
  const models = join(root, "tests/models");
  cpSync(join(models, "digits_cnn.onnx"), join(project, "model.onnx"));
  cpSync(join(models, "digits_input.npy"), join(project, "examples/digits.npy"));
  mkdirSync(join(project, "node_modules/.bin"), { recursive: true });
  symlinkSync(join(root, "bindings/js"), join(project, "node_modules/mite"));
  symlinkSync("../mite/bin/mite.mjs", join(project, "node_modules/.bin/mite"));
}

/** One bash for all commands, so that variables and the server stay. */
class Shell {
  #lines;
  #answers;
  #child;
  /** @param {Record<string, string>} env */
  constructor(env) {
    this.#child = spawn("bash", ["-e"], { cwd: project, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    this.#child.stderr.on("data", (piece) => (this.errors += piece));
    this.#lines = createInterface({ input: this.#child.stdout });
    // Not when its output ends: the server in the background has that as well.
    this.#child.on("exit", () => this.#lines.close());
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }
  errors = "";
  /** @param {string} commands @returns {Promise<string>} what they print */
  async run(commands) {
    const mark = "-- done --";
    this.#child.stdin.write(`${commands}\necho "${mark}"\n`);
    let out = "";
    for (;;) {
      const { done, value } = await this.#answers.next();
      if (done) throw new Error(`a command failed:\n${commands}\n${this.errors}`);
      if (value === mark) return out;
      out += `${value}\n`;
    }
  }
  /** With the server that runs in it. */
  end() {
    process.kill(-this.#child.pid, "SIGTERM");
  }
}

/** A port that nobody has. @returns {Promise<number>} */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/**
 * The document's blocks: files (the line before names them) and commands.
 * @returns {{ file?: string, block: string, kind: string }[]}
 */
function blocksOf(markdown) {
  const found = markdown.matchAll(/(?:^`([\w./-]+)`:\n\n)?^```(\w+)\n([\s\S]*?)^```$/gm);
  return [...found].map(([, file, kind, block]) => ({ file, kind, block }));
}

test("docs/deployment.md: from a model file to a signed canary, and back", { timeout: 240_000 }, async (t) => {
  prepare();
  const port = await freePort();
  const url = `http://localhost:${port}/`;
  const { PATH } = process.env;
  const shell = new Shell({ PATH: `${dirname(process.execPath)}:${PATH}`, HOME: home, PORT: String(port) });
  t.after(() => shell.end());
  await shell.run('npx() { PATH="node_modules/.bin:$PATH" "$@"; }; npm() { [ "$*" = "install mite" ]; }');

  /** @type {import("../web/browsers.mjs").Page[]} */
  const pages = [];
  t.after(() => Promise.all(pages.map((page) => page.close())));
  for (const engine of engines) {
    const why = missing(engine);
    if (why) t.diagnostic(`the page was not looked at: ${why}`);
    else pages.push(await launch(engine));
  }
  /** Opens the page, and waits until it shows a version, in every browser. */
  const sees = async (/** @type {string} */ version, query = "") => {
    for (const page of pages) {
      await page.open(url + query);
      let shown;
      for (let times = 0; times < 200 && shown !== version; times++) {
        await sleep(50);
        shown = await page.run(() => document.getElementById("version").value);
      }
      assert.equal(shown, version, `${query} ${page.complaints.join("\n")}`);
      assert.deepEqual(page.complaints.filter((words) => /policy|CSP/i.test(words)), []);
    }
  };
  const waitForServer = async () => {
    for (let times = 0; times < 100; times++) {
      if (await fetch(url).then(({ ok }) => ok, () => false)) return;
      await sleep(50);
    }
    assert.fail(`the server did not start: ${shell.errors}`);
  };
  const list = () => JSON.parse(readFileSync(join(project, "site/models/models.json"), "utf8"));
  const channels = () => list().models.digits.channels;

  /**
   * What there must be after the commands that contain these words.
   * @type {[string, (out: string) => any][]}
   */
  const checks = [
    ["verify digits-1.0.0.mite", (out) => assert.match(out, /self-test passed/)],
    ["keygen -o \"$HOME/mite.key\"", () => assert.ok(existsSync(join(home, "mite.key.pub")))],
    ["--channel stable", () => assert.deepEqual(channels(), { stable: { version: "1.0.0", percent: 100 } })],
    ["node serve.mjs &", async () => {
      await waitForServer();
      const { "1.0.0": { file } } = list().models.digits.versions;
      const [forModel, forList] = await Promise.all(
        [`models/${file}`, "models/models.json"].map(async (path) => (await fetch(url + path)).headers),
      );
      assert.match(forModel.get("cache-control"), /immutable/);
      assert.equal(forList.get("cache-control"), "public, max-age=60");
      assert.match(forList.get("content-security-policy"), /wasm-unsafe-eval/);
      await sees("1.0.0");
    }],
    ["--channel canary", async (out) => {
      assert.match(out, /digits 1\.1\.0: .*runs/);
      await sees("1.1.0", "?channel=canary");
    }],
    ["--percent 10", (out) => {
      assert.match(out, /stable 90 %/);
      assert.deepEqual(channels().stable, { version: "1.1.0", percent: 10, otherwise: "1.0.0" });
    }],
    ["promote digits 1.1.0 --dir site/models\n", async () => {
      assert.equal(channels().stable.percent, 100);
      await sees("1.1.0");
    }],
    ["rollback digits", async () => {
      assert.deepEqual(channels().stable, { version: "1.0.0", percent: 100 });
      await sees("1.0.0");
    }],
    ["--only", (out) => assert.match(out, /signed by \w{16} \(/)],
  ];
  for (const { file, kind, block } of blocksOf(text)) {
    if (file) {
      mkdirSync(dirname(join(project, file)), { recursive: true });
      writeFileSync(join(project, file), block);
    } else if (kind === "sh") {
      const out = await shell.run(block);
      const [words, check] = checks[0] ?? [];
      if (!words || !block.includes(words)) continue;
      checks.shift();
      await check(out);
    }
  }
  assert.deepEqual(checks.map(([words]) => words), [], "these were not met in the document, in this order");
  if (!pages.length) return;
  const events = readFileSync(join(project, "events.log"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const served = events.filter(({ type }) => type === "serving").map(({ version }) => version);
  assert.ok(served.includes("1.0.0") && served.includes("1.1.0"), JSON.stringify(events));
});
