// SPDX-License-Identifier: Apache-2.0
// `import { load } from "mite"` works in every bundler and place of fixtures.mjs, from the packed
// package and without a word of configuration: the answer is the one that the sources give in Node.
// docs/compatibility.md has the table of such a run.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { engines, launch, missing, until } from "../web/browsers.mjs";
import { openExtension } from "./extension.mjs";
import { fixtures } from "./fixtures.mjs";
import { addFiles, pack, prepare, runTool, startTool } from "./prepare.mjs";
import { serveSite, shared } from "./site.mjs";
import { differences, keep } from "./table.mjs";

/** @typedef {import("./fixtures.mjs").Fixture} Fixture */
/** @typedef {import("./fixtures.mjs").Way} Way */

const [model, photo] = Object.values(shared);

/** @type {import("./table.mjs").Row[]} */
const rows = fixtures.flatMap(({ title, ways }) =>
  ways.map((way) => ({ where: title, how: way.title, results: {} })),
);
/** @type {{ label: string, probability: number }} */
let expected;
/** @type {string} */
let packed;

/** Each engine has one page, which fixtures share: one after the other. */
const pages = Object.fromEntries(
  engines.map((engine) => [engine, { page: undefined, free: Promise.resolve() }]),
);

/**
 * What the page at `url` puts into its <output>.
 * @param {string} engine
 * @param {string} url
 */
function answerOf(engine, url) {
  const place = pages[engine];
  const asking = place.free.then(async () => {
    place.page ??= await launch(engine);
    await place.page.open("about:blank"); // another fragment alone would load nothing
    await place.page.open(url);
    const read = () => document.querySelector("output")?.textContent;
    return JSON.parse(await until(place.page, read, [], 60));
  });
  place.free = asking.catch(() => {});
  return asking;
}

/** @param {any} answer */
function check(answer, { workers = true }) {
  assert.equal(answer.error, undefined);
  assert.equal(answer.label, expected.label);
  assert.ok(Math.abs(answer.probability - expected.probability) < 1e-5, answer.probability);
  assert.equal(answer.runtime.worker, workers, answer.runtime.note);
}

/**
 * @param {string} folder of the project
 * @param {Way} way
 * @returns {Promise<{ url: string, close: () => unknown }>}
 */
async function serveWay(folder, { serve, folder: inner = ".", prefix = "/", page = "" }) {
  const site = serve
    ? await startTool(folder, serve)
    : await serveSite({ folders: { [prefix]: `${folder}/${inner}` } });
  return { url: `${site.url}${prefix}${page}`, close: site.close };
}

/**
 * @param {string} folder
 * @param {Way} way
 * @returns {AsyncGenerator<[where: string, answer: any]>}
 */
async function* answers(folder, way) {
  if (way.run) {
    yield ["itself", JSON.parse(await runTool(folder, [...way.run, model, photo]))];
  } else if (way.as === "extension") {
    await addFiles(folder);
    if (!missing("chromium")) yield ["chromium", await openExtension(folder)];
  } else {
    const site = await serveWay(folder, way);
    try {
      for (const engine of engines) {
        if (!missing(engine)) yield [engine, await answerOf(engine, site.url)];
      }
    } finally {
      await site.close();
    }
  }
}

describe("mite in", { concurrency: 2, timeout: 900_000 }, () => {
  before(async () => {
    const { load } = await import("../../bindings/js/src/index.js");
    const loaded = await load(model);
    [expected] = (await loaded.classify(photo)).top;
    await loaded.dispose();
    packed = await pack("packed");
  });
  after(async () => {
    for (const { page } of Object.values(pages)) await page?.close();
  });

  for (const { name, title, ways } of fixtures) {
    test(name, async (t) => {
      const folder = await prepare(name, packed);
      for (const way of ways) {
        const row = rows.find(({ where, how }) => where === title && how === way.title);
        await t.test(way.title, async (t) => {
          if (way.build) await runTool(folder, way.build);
          for await (const [where, answer] of answers(folder, way)) {
            await t.test(where, () => {
              row.results[where] = "no";
              check(answer, way);
              row.results[where] = "yes";
            });
          }
        });
      }
    });
  }
});

test("docs/compatibility.md has the results of this run", () => {
  keep(rows);
  assert.deepEqual(differences(rows), [], "make docs-compatibility writes them");
});
