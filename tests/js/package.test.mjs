// SPDX-License-Identifier: Apache-2.0
// The package as it would be published, installed in a fresh folder: it imports, classifies, has
// a command, and its types hold under tsc --strict.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { effnet, root, samples } from "./support.mjs";

const folder = mkdtempSync(join(tmpdir(), "mite-package-"));
after(() => rmSync(folder, { recursive: true }));
const run = (command, args, options) =>
  execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], ...options });

test("npm pack, install elsewhere, use", { timeout: 180_000 }, () => {
  const packed = run("npm", ["pack", join(root, "bindings/js"), "--json", "--silent"]);
  const [{ filename, files }] = JSON.parse(packed);
  const names = files.map(({ path }) => path);
  for (const name of ["package.json", "mite.d.ts", "dist/index.js", "dist/mite-simd.wasm.gz", "dist/mite-relaxed.wasm", "bin/mite.mjs"]) {
    assert.ok(names.includes(name), `${name} is not in the package`);
  }
  writeFileSync(join(folder, "package.json"), '{"name":"user","private":true,"type":"module"}');
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", `./${filename}`]);

  writeFileSync(
    join(folder, "use.mts"),
    `import { load, MiteError, type Model } from "mite";
     import { describe } from "mite/convert";
     const model: Model = await load(process.argv[2], { onProgress: ({ loaded }) => void loaded });
     const { top } = await model.classify(process.argv[3], { topK: 2 });
     const label: string = top[0].label;
     const { arenaBytes } = await describe(new Uint8Array(await (await import("node:fs/promises")).readFile(process.argv[2])));
     console.log(label, top.length, arenaBytes > 0);
     await model.dispose();
     try { await model.run([1]); } catch (error) { if (error instanceof MiteError) console.log(error.code); }`,
  );
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        strict: true, module: "nodenext", target: "es2022", lib: ["es2023", "dom", "esnext.disposable"],
        types: ["node"], typeRoots: [join(root, "node_modules/@types")], skipLibCheck: false,
      },
      files: ["use.mts"],
    }),
  );
  run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", folder]);
  for (const node of new Set([process.execPath, process.env.NODE20 ?? process.execPath])) {
    const out = run(node, ["use.mjs", effnet, join(samples, "coffee.jpg")]);
    assert.equal(out, "espresso 2 true\nargument\n");
  }
  const command = run(process.execPath, [
    "node_modules/mite/bin/mite.mjs", "classify", join(samples, "coffee.jpg"), "--model", effnet, "--json",
  ]);
  assert.equal(JSON.parse(command).top[0].label, "espresso");
});

const MOST_BYTES = 1_000_000; // unpacked; the models are not in it

test("the package is small, needs nothing else, and its manifest and types are right", { timeout: 120_000 }, async (t) => {
  const packed = run("npm", ["pack", join(root, "bindings/js"), "--json", "--silent"]);
  const [{ filename, unpackedSize }] = JSON.parse(packed);
  t.diagnostic(`${unpackedSize} bytes unpacked of ${MOST_BYTES}`);
  assert.ok(unpackedSize <= MOST_BYTES, `the package has ${unpackedSize} bytes, above ${MOST_BYTES}`);
  const manifest = JSON.parse(readFileSync(join(root, "bindings/js/package.json"), "utf8"));
  assert.deepEqual([manifest.dependencies, manifest.sideEffects], [undefined, false]);

  const bytes = new Uint8Array(readFileSync(join(folder, filename)));
  const { messages } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  assert.deepEqual(messages.map((message) => formatMessage(message, manifest)), []);

  // CommonJS reaches the one form there is by require of modules (Node 22), and resolution that knows
  // no "exports" is older than the Node that the package needs.
  const types = createPackageFromTarballData(bytes);
  const { problems } = /** @type {any} */ (await checkPackage(types));
  const found = problems.filter(
    ({ kind, resolutionKind }) => kind !== "CJSResolvesToESM" && resolutionKind !== "node10",
  );
  assert.deepEqual(found, []);
});
