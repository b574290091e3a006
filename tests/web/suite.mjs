// SPDX-License-Identifier: Apache-2.0
// What most suites begin and end with: the tests' server, and its first page in a browser.
import { after, before } from "node:test";
import { launch } from "./browsers.mjs";
import { startServer } from "./server.mjs";

/** @typedef {{ page: import("./browsers.mjs").Page, server: Awaited<ReturnType<typeof startServer>> }} Suite */

/**
 * In a `describe`: both are there as soon as its tests run, and gone after them.
 * @param {string} engine
 */
export function pageOf(engine) {
  const at = /** @type {Suite} */ ({});
  before(async () => {
    at.server = await startServer();
    at.page = await launch(engine);
    await at.page.open(`${at.server.url}/`);
  });
  after(async () => {
    await at.page?.close();
    await at.server?.close();
  });
  return at;
}
