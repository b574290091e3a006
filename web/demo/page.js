// SPDX-License-Identifier: Apache-2.0
// What the page's parts share: its elements, and how figures are written.

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @returns {T}
 */
export const element = (id) => /** @type {T} */ (document.getElementById(id));

/**
 * A new element with these properties and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string)} children
 */
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

/** @param {number} time */
export const ms = (time) => `${time.toFixed(time < 10 ? 1 : 0)} ms`;

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** @param {number} count */
export function bytesText(count) {
  if (count < 1e3) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(2)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

/** @param {unknown} error */
export const sentence = (error) => (error instanceof Error ? error.message : String(error));

/**
 * Fills a <dl>.
 * @param {HTMLElement} list
 * @param {Record<string, string | Node>} facts
 */
export function showFacts(list, facts) {
  list.replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => [
      make("dt", {}, name),
      make("dd", {}, value),
    ]),
  );
}

/**
 * A bar with its name and its number.
 * @param {string} name
 * @param {string} number
 * @param {{ value: number, min?: number, max?: number }} bar
 * @param {number} index
 */
export function ranked(name, number, { value, ...range }, index) {
  const bar = make("meter", { ...range, value }); // the value last: it is cut to the range
  bar.setAttribute("aria-label", name);
  const item = make("li", {}, make("span", {}, name), make("output", {}, number), bar);
  item.dataset.index = String(index);
  return item;
}
