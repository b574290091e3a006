// SPDX-License-Identifier: Apache-2.0
// What lies on this device, and how to be rid of it.
import { models } from "/mite/dist/index.js";
import { bytesText, element, make, sentence } from "./page.js";

export async function showStorage() {
  const [kept, { bytes, usage, quota }] = await Promise.all([models.list(), models.storage()]);
  element("kept").replaceChildren(
    ...kept.map(({ address, bytes: size, keptAt }) => {
      const name = new URL(address).pathname.split("/").at(-1) ?? address;
      return make("li", {}, make("span", {}, name), make("span", {}, `${bytesText(size)}, since ${keptAt.toLocaleDateString()}`));
    }),
  );
  element("kept-none").hidden = kept.length > 0;
  const all = quota ? `; all of this page ${bytesText(usage)} of ${bytesText(quota)}` : "";
  element("usage").textContent = `Models: ${bytesText(bytes)}${all}.`;
  const button = /** @type {HTMLButtonElement} */ (element("forget"));
  button.disabled = !kept.length;
  button.textContent = kept.length ? `Delete models from this device (${bytesText(bytes)})` : "Delete models from this device";
}

element("forget").addEventListener("click", async () => {
  try {
    const { bytes } = await models.storage();
    const count = await models.delete();
    await showStorage();
    element("forgotten").textContent = `Deleted: ${count} ${count === 1 ? "model" : "models"}, ${bytesText(bytes)}.`;
  } catch (error) {
    element("forgotten").textContent = sentence(error);
  }
});
