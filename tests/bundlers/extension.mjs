// SPDX-License-Identifier: Apache-2.0
// Opens an unpacked browser extension's page in Chromium.
import puppeteer from "puppeteer-core";
import { browserPath } from "../web/browsers.mjs";

/**
 * @param {string} folder
 * @returns {Promise<any>} the answer in its page
 */
export async function openExtension(folder) {
  const browser = await puppeteer.launch({
    executablePath: browserPath("chromium"),
    enableExtensions: true,
    pipe: true,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
  });
  try {
    const id = await browser.installExtension(folder);
    const page = await browser.newPage();
    await page.goto(`chrome-extension://${id}/index.html`);
    const output = await page.waitForFunction(() => document.querySelector("output")?.textContent);
    return JSON.parse(await output.jsonValue());
  } finally {
    await browser.close();
  }
}
