// SPDX-License-Identifier: Apache-2.0
// How the demo page looks and whether everybody can use it: axe-core in every state, in light and in dark, at
// three widths; pictures for a person in build/screenshots; what makes it installable; its security policy.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, missing, until } from "./browsers.mjs";
import { startServer } from "./server.mjs";

const pictures = fileURLToPath(new URL("../../build/screenshots/", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(pictures, { recursive: true });

const press = (selector) => document.querySelector(selector).click();
const matches = (id, pattern) => new RegExp(pattern).test(document.getElementById(id).textContent);
const findings = async () => {
  const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target}: ${node.failureSummary}`));
};
const drop = async (name, from) => {
  const data = new DataTransfer();
  data.items.add(new File([await (await fetch(from)).arrayBuffer()], name));
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: data });
  document.dispatchEvent(event);
};

/** States that follow on one another: the name, what is done to get there, and what then says so. */
const states = [
  ["welcome", [], ["sent", "^0 requests"]],
  ["answer", ["#samples li:nth-child(2) button"], ["verdict", "^espresso"]],
  ["why", ["#why"], ["why-sentence", "^espresso: "]],
  ["layers", ["#profile-tab"], ["profile-title", " layers$"]],
  ["device", ["#device-tab"], ["usage", "^Models: "]],
  ["people", ["[data-task=people]", "#samples li:nth-child(5) button"], ["people-verdict", "^A person"]],
  ["problem", ["coffee.onnx", "/samples/coffee.jpg"], ["own-problem", "ONNX"]],
  ["own", ["digits.onnx", "/tests/models/digits_cnn.onnx"], ["own-verdict", "largest"]],
];

describe("the demo page's looks", { skip: missing("chromium"), timeout: 240_000 }, () => {
  /** @type {import("./browsers.mjs").Page} */
  let page;
  /** @type {Awaited<ReturnType<typeof startServer>>} */
  let server;
  before(async () => {
    server = await startServer();
    page = await launch("chromium");
  });
  after(async () => {
    await page?.close();
    await server?.close();
  });

  const sizes = [[1440, 1000], [768, 1024], [320, 720]];
  for (const scheme of /** @type {const} */ (["light", "dark"])) {
    test(`everybody can use it, in ${scheme}`, async () => {
      await page.prefer(scheme);
      await page.resize(...sizes[0]);
      await page.open(`${server.url}/`);
      await until(page, () => document.querySelectorAll("#samples button").length === 5);
      await until(page, () => !document.querySelector("[data-task=people]").hidden);
      await page.run(axe);
      for (const [state, doing, there] of states) {
        if (doing[0]?.endsWith(".onnx")) await page.run(drop, ...doing);
        else for (const selector of doing) await page.run(press, selector);
        await until(page, matches, there, 30);
        for (const size of sizes) {
          await page.resize(...size);
          const [content, width] = await page.run(() => {
            const { scrollWidth, clientWidth } = document.documentElement;
            return [scrollWidth, clientWidth];
          });
          assert.ok(content <= width, `${state}: ${content} pixels of content in ${width}`);
          await page.screenshot(`${pictures}${state}-${scheme}-${size[0]}.png`, { fullPage: true });
          if (size !== sizes[1]) assert.deepEqual(await page.run(findings), [], `${state} at ${size[0]} pixels`);
        }
        await page.resize(...sizes[0]);
      }
    });
  }

  test("it can be installed", async () => {
    await page.open(`${server.url}/`);
    assert.deepEqual(await page.uninstallable(), []);
  });

  test("the policy is the same in header and page, and has no exceptions", async () => {
    const [header, meta] = await page.run(async () => [
      (await fetch("/")).headers.get("content-security-policy"),
      document.querySelector("meta[http-equiv]").content,
    ]);
    assert.deepEqual(header.split("; ").filter((each) => !each.startsWith("frame-ancestors")), meta.split("; "));
    for (const policy of [header, meta]) {
      assert.match(policy, /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; /);
      assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*|https?:|data:|blob:/);
    }
    assert.deepEqual(page.complaints, []);
  });

  test("who wishes for less motion gets none", async () => {
    const moving = await page.run(() => {
      const rules = [...document.styleSheets].flatMap(({ cssRules }) => [...cssRules]);
      const moves = rules.map(({ cssText }) => cssText).filter((rule) => /transition|animation/.test(rule));
      return moves.filter((rule) => !/motion: no-preference/.test(rule)).length;
    });
    assert.equal(moving, 0);
  });
});
