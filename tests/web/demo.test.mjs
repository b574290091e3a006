// SPDX-License-Identifier: Apache-2.0
// The demo page as a visitor uses it, in three engines.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { engines, launch, missing, until } from "./browsers.mjs";
import { startServer } from "./server.mjs";

const pictures = fileURLToPath(new URL("../../build/screenshots/", import.meta.url));
const bits = readFileSync(new URL("../models/bits.txt", import.meta.url), "utf8");
mkdirSync(pictures, { recursive: true });

// --- What a visitor does, as scripts in the page ------------------------------------------------

const answer = () => {
  const items = [...document.querySelectorAll("#top li")];
  return (
    items.length > 0 && {
      verdict: document.getElementById("verdict").textContent,
      indices: items.map((item) => Number(item.dataset.index)),
      percents: items.map((item) => item.querySelector("output").textContent),
      facts: document.getElementById("facts").textContent,
    }
  );
};
const drop = async (url, name) => {
  const bytes = url ? await (await fetch(url)).arrayBuffer() : new TextEncoder().encode("no photo");
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type: "image/jpeg" }));
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: data });
  document.dispatchEvent(event);
};
const press = (selector) => document.querySelector(selector).click();
const problem = () =>
  !document.getElementById("problem").hidden && document.getElementById("problem-text").textContent;
const progress = () =>
  !document.getElementById("loading").hidden && document.getElementById("progress").value > 0.02;
const watchPolicy = () => {
  globalThis.violations = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
  );
};

for (const engine of engines) {
  describe(`demo in ${engine}`, { skip: missing(engine), timeout: 300_000 }, () => {
    /** @type {import("./browsers.mjs").Page} */
    let page;
    /** @type {Awaited<ReturnType<typeof startServer>>} */
    let server;
    before(async () => {
      server = await startServer();
      page = await launch(engine);
      await page.resize(1100, 900);
    });
    after(async () => {
      await page?.close();
      await server?.close();
    });

    test("a download can be cancelled and tried again", async () => {
      server.state.slow = true;
      await page.open(`${server.url}/`);
      await page.run(watchPolicy);
      await until(page, () => document.querySelectorAll("#samples button").length === 5);
      await page.run(press, "#samples button");
      await until(page, progress);
      await page.run(press, "#cancel");
      assert.match(await until(page, problem), /cancelled/);
      server.state.slow = false;
      await page.run(press, "#retry");
      const { indices } = await until(page, answer);
      assert.ok([281, 282, 285].includes(indices[0]), `the cat was taken for class ${indices[0]}`);
    });

    test("a dropped photo is classified, without another download", async () => {
      const before = server.state.requests.filter((url) => url.endsWith(".mite")).length;
      await page.run(drop, "/samples/coffee.jpg", "coffee.jpg");
      const { verdict, indices, percents, facts } = await until(page, () => {
        const items = [...document.querySelectorAll("#top li")];
        const verdict = document.getElementById("verdict").textContent;
        return (
          verdict === "espresso" && {
            verdict,
            indices: items.map((item) => Number(item.dataset.index)),
            percents: items.map((item) => item.querySelector("output").textContent),
            facts: document.getElementById("facts").textContent,
          }
        );
      });
      assert.equal(verdict, "espresso");
      assert.equal(indices.length, 5);
      assert.match(percents[0], /^\d+\.\d %$/);
      for (const fact of ["Download", "Prepare", "Build", "Decode", "Inference"]) {
        assert.ok(facts.includes(fact), `${fact} is missing in: ${facts}`);
      }
      const after = server.state.requests.filter((url) => url.endsWith(".mite")).length;
      assert.equal(after, before, "the model was fetched again");
      await page.screenshot(`${pictures}${engine}.png`);
    });

    test("a doubtful photo is called not sure", async () => {
      await page.run(drop, "/samples/seeding.jpg", "seeding.jpg");
      await until(page, () => /^Not sure/.test(document.getElementById("verdict").textContent));
    });

    test("a broken photo gives a sentence, and the page goes on", async () => {
      await page.run(drop, null, "broken.jpg");
      assert.match(await until(page, problem), /\w+ .{10,}/);
      assert.equal(await page.run(() => document.getElementById("retry").hidden), true);
      await page.run(drop, "/samples/cat.jpg", "cat.jpg");
      const { indices } = await until(page, answer);
      assert.ok([281, 282, 285].includes(indices[0]));
      assert.equal(await page.run(() => document.getElementById("problem").hidden), true);
    });

    test("nothing broke the content security policy", async () => {
      assert.deepEqual(await page.run(() => globalThis.violations), []);
      assert.deepEqual(page.complaints, []);
    });

    test("320 pixels are wide enough", async () => {
      await page.resize(320, 800);
      const [content, width] = await page.run(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      assert.ok(content <= width, `${content} pixels of content in ${width}`);
      await page.resize(1100, 900);
    });

    test("int8 results have the same bits as everywhere", async () => {
      await page.open(`${server.url}/tests/bits.html`);
      const text = await until(page, () => document.getElementById("bits")?.textContent);
      assert.ok(bits.includes(text.split(" ")[0]), `other bits: ${text}`);
      assert.match(text, engine === "webkit" ? / simd worker/ : / relaxed worker/);
    });

    test("keyboard alone, in the dark", { skip: engine !== "chromium" && "driven in Chromium" }, async () => {
      await page.prefer("dark");
      await page.open(`${server.url}/`);
      await until(page, () => document.querySelectorAll("#samples button").length === 5);
      const focused = () => document.activeElement.id;
      for (let tabs = 0; tabs < 5 && (await page.run(focused)) !== "file"; tabs++) await page.press("Tab");
      assert.equal(await page.run(focused), "file", "behind the tasks comes the file field");
      await page.press("Tab");
      await page.press("Enter");
      const { indices } = await until(page, answer);
      assert.ok([281, 282, 285].includes(indices[0]));
      await page.screenshot(`${pictures}${engine}-dark.png`);
    });
  });
}
