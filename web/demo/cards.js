// SPDX-License-Identifier: Apache-2.0
// Which of the page's cards is in sight: one at a time.
import { element } from "./page.js";
import { clearOverlay } from "./stage.js";

const cards = ["answer", "people", "own", "sentences"];
let task = "answer"; // the card to go back to from a visitor's own model

/**
 * With nothing laid over the picture any more.
 * @param {string} card
 */
export function showCard(card) {
  if (card !== "own") task = card;
  clearOverlay();
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-task]"))) {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-controls") === card));
  }
  for (const id of cards) element(id).hidden = id !== card;
  element("stage").hidden = card === "sentences";
}

/** Leaves the visitor's own model. */
export const showTask = () => showCard(task);
