// SPDX-License-Identifier: Apache-2.0
// mite/react's hook and the <mite-classifier> element, in pages of three engines.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { engines, launch, missing, until } from "./browsers.mjs";
import { startServer } from "./server.mjs";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const MODEL = "/models/efficientnet-lite0/efficientnet-lite0.int8.mite";

/** The entries are taken as they are shipped; what they share, the page finds beside them. */
const shipped = {
  name: "shipped",
  setup({ onResolve }) {
    onResolve({ filter: /^mite\// }, ({ path }) => ({
      path: here(`../../bindings/js/dist/${path.slice("mite/".length)}.js`),
    }));
    onResolve({ filter: /^\.\/[\w-]+\.js$/ }, ({ path, importer }) =>
      importer.includes("/bindings/js/dist/") ? { path: `/mite/dist/${path.slice(2)}`, external: true } : undefined,
    );
  },
};

before(() =>
  build({
    entryPoints: [here("components.js")],
    outfile: here("../../build/tests/components.js"),
    bundle: true,
    format: "esm",
    define: { "process.env.NODE_ENV": '"development"' },
    plugins: [shipped],
    logLevel: "warning",
  }),
);

for (const engine of engines) {
  describe(`components in ${engine}`, { skip: missing(engine), timeout: 120_000 }, () => {
    let page, server;
    const states = (wanted) =>
      page.run(async (status) => {
        const buttons = () => [...document.querySelectorAll("#root button")];
        await window.waitFor(
          () => buttons().length && buttons().every(({ dataset }) => dataset.status === status),
        );
        return buttons().map(({ textContent }) => textContent);
      }, wanted);
    const show = (source) => page.run((address) => window.show(address), source);
    before(async () => {
      server = await startServer();
      page = await launch(engine);
      await page.open(`${server.url}/tests/components.html`);
      await until(page, () => typeof window.show === "function"); // WebDriver waits for no modules
    });
    after(async () => {
      await page?.close();
      await server?.close();
    });

    test("components of one source share one model, also in strict mode; it goes with the last", async () => {
      assert.deepEqual(await states("idle"), ["", ""]);
      const before = server.state.requests.filter((url) => url === MODEL).length;
      await show(MODEL);
      const names = await states("ready");
      assert.equal(names.length, 2);
      assert.equal(server.state.requests.filter((url) => url === MODEL).length, before + 1);
      const end = await page.run(async () => {
        const { waitFor } = window;
        const { one, two } = window.models;
        window.show("nothing");
        const gone = await waitFor(() => one.profile().then(() => undefined, (error) => error.code));
        return { same: one === two, gone };
      });
      assert.deepEqual(end, { same: true, gone: "disposed" });
    });

    test("an error is shown, and retry loads again", async () => {
      await show("/models/no-such.mite");
      assert.deepEqual(await states("error"), ["network", "network"]);
      const asked = () => server.state.requests.filter((url) => url === "/models/no-such.mite").length;
      const before = asked();
      await page.run(() => document.querySelector("#one").click());
      await states("error");
      for (let i = 0; i < 100 && asked() === before; i++) await new Promise((done) => setTimeout(done, 20));
      assert.ok(asked() > before);
    });

    test("the element classifies a chosen picture and tells the page", async () => {
      const said = await page.run(async () => {
        const { waitFor } = window;
        const element = document.querySelector("#plain");
        const events = [];
        for (const type of ["mite-ready", "mite-result", "mite-error"])
          {document.addEventListener(type, ({ type }) => events.push(type));}
        const root = element.shadowRoot;
        const blob = await (await fetch("/samples/coffee.jpg")).blob();
        const transfer = new DataTransfer();
        transfer.items.add(new File([blob], "coffee.jpg", { type: "image/jpeg" }));
        const input = root.querySelector("input");
        input.files = transfer.files;
        input.dispatchEvent(new Event("change"));
        await waitFor(() => root.querySelectorAll("li").length);
        const model = await element.ready();
        const shown = {
          items: [...root.querySelectorAll("li")].map((li) => li.firstChild.textContent),
          status: root.querySelector("[role=status]").textContent,
          alt: root.querySelector("img").alt,
          events: [...events],
        };
        element.remove();
        shown.gone = await waitFor(() => model.profile().then(() => undefined, (error) => error.code));
        const wrong = document.createElement("mite-classifier");
        wrong.src = "/models/no-such.mite";
        document.body.append(wrong);
        shown.wrong = await wrong.classify(blob).catch((error) => error.code);
        shown.wrongStatus = wrong.shadowRoot.querySelector("[role=status]").textContent;
        return shown;
      });
      assert.equal(said.items.length, 3);
      assert.equal(said.items[0], "espresso");
      assert.match(said.status, /^espresso, 9\d\.\d %/);
      assert.equal(said.alt, "coffee.jpg");
      assert.deepEqual(said.events, ["mite-ready", "mite-result"]);
      assert.equal(said.gone, "disposed");
      assert.equal(said.wrong, "network");
      assert.match(said.wrongStatus, /404/);
    });
  });
}
