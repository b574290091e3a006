// SPDX-License-Identifier: Apache-2.0
// Makes a fixture's project below build/bundlers: its sources, its dependencies from its lock file,
// and mite as npm would install the packed package. Dependencies are kept as long as the lock file is
// the same.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { shared } from "./site.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
export const repository = join(here, "../..");
const output = join(repository, "build/bundlers");

/** Tools find the node that runs the tests, ask nobody and send nothing. */
const env = {
  ...process.env,
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  ASTRO_TELEMETRY_DISABLED: "1",
  CI: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  DENO_NO_UPDATE_CHECK: "1",
};

const execute = promisify(execFile);

/**
 * @param {string} cwd
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string>} what it printed
 */
async function run(cwd, command, args) {
  const options = { cwd, env, timeout: 240_000, maxBuffer: 1 << 26 };
  const { stdout } = await execute(command, args, options).catch((error) => {
    throw new Error(`${command} ${args.join(" ")} failed:\n${error.stdout}\n${error.stderr}`);
  });
  return stdout;
}

/**
 * Packs the package as it would be published.
 * @param {string} name of a folder for it
 * @returns {Promise<string>} the file
 */
export async function pack(name) {
  const folder = join(output, name);
  await mkdir(folder, { recursive: true });
  const printed = await run(folder, "npm", ["pack", join(repository, "bindings/js"), "--json", "--silent"]);
  return join(folder, JSON.parse(printed)[0].filename);
}

/**
 * @param {string} name of the fixture
 * @param {string} packed
 * @param {string} [as] the project's own name
 * @returns {Promise<string>} the project's folder
 */
export async function prepare(name, packed, as = name) {
  const source = join(here, name);
  const folder = join(output, as);
  const modules = join(folder, "node_modules");
  const lock = join(source, "package-lock.json");
  const wanted = existsSync(lock) ? createHash("sha256").update(readFileSync(lock)).digest("hex") : "none";
  const stamp = join(modules, ".installed-from");
  const kept = existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  // Everything else goes: caches of the tools would hide a changed package.
  for (const entry of existsSync(folder) ? await readdir(folder) : []) {
    if (!(kept && entry === "node_modules")) await rm(join(folder, entry), { recursive: true });
  }
  await cp(source, folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
  await cp(join(here, "src"), join(folder, "src"), { recursive: true });
  if (!kept) {
    if (existsSync(lock)) {
      await run(folder, "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    }
    await mkdir(modules, { recursive: true });
    await writeFile(stamp, wanted);
  }
  for (const cache of [".vite", ".cache"]) await rm(join(modules, cache), { recursive: true, force: true });
  const installed = join(modules, "mite");
  await rm(installed, { recursive: true, force: true });
  await mkdir(installed);
  await run(folder, "tar", ["xzf", packed, "-C", installed, "--strip-components=1"]);
  return folder;
}

/**
 * The path of a tool of the fixture.
 * @param {string} folder
 * @param {string} tool
 */
async function toolOf(folder, tool) {
  if (tool === "node") return process.execPath;
  // Deno's and Bun's packages fetch the program by a script after installation; it is there already.
  for (const scope of ["@deno", "@oven"]) {
    const scoped = join(folder, "node_modules", scope);
    for (const name of existsSync(scoped) ? await readdir(scoped) : []) {
      for (const file of [join(scoped, name, tool), join(scoped, name, "bin", tool)]) {
        if (existsSync(file)) return file;
      }
    }
  }
  return join(folder, "node_modules/.bin", tool);
}

/**
 * @param {string} folder
 * @param {string[]} command
 */
export async function runTool(folder, [tool, ...args]) {
  return run(folder, await toolOf(folder, tool), args);
}

/** Puts the model and the photo where a server of the tool's own finds them. @param {string} folder */
export async function addFiles(folder) {
  for (const base of ["public", ".", "served"]) {
    for (const [path, file] of Object.entries(shared)) {
      const target = join(folder, base, path);
      await mkdir(dirname(target), { recursive: true });
      if (!existsSync(target)) await symlink(file, target);
    }
  }
}

/** A port that nobody has. @returns {Promise<number>} */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "localhost", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a tool's own server and waits until it answers.
 * @param {string} folder
 * @param {string[]} command
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function startTool(folder, [tool, ...args]) {
  await addFiles(folder);
  const port = await freePort();
  const words = args.map((word) => word.replace("{port}", String(port)));
  const child = spawn(await toolOf(folder, tool), words, { cwd: folder, env, detached: true });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = `http://localhost:${port}`;
  const close = async () => {
    if (child.exitCode === null && child.pid) process.kill(-child.pid, "SIGKILL"); // with its children
    await ended;
  };
  for (let waited = 0; ; waited += 100) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return { url, close };
    if (child.exitCode !== null || waited > 60_000) {
      await close();
      throw new Error(`${tool} ${words.join(" ")} does not serve ${url}:\n${said}`);
    }
    await sleep(100);
  }
}
