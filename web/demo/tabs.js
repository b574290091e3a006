// SPDX-License-Identifier: Apache-2.0
// Tabs as the ARIA practices describe them: one stop for Tab, arrows between them.

/**
 * @param {HTMLElement} list
 * @param {(panel: string) => void} onShow told the panel's id
 */
export function makeTabs(list, onShow) {
  const tabs = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]);
  const panelOf = (/** @type {HTMLElement} */ tab) => tab.getAttribute("aria-controls") ?? "";
  /** @param {HTMLElement} chosen */
  const show = (chosen) => {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      const panel = document.getElementById(panelOf(tab));
      if (panel) panel.hidden = !on;
    }
    onShow(panelOf(chosen));
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("keydown", (event) => {
      const there = tabs.filter((each) => !each.hidden);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = there[(there.indexOf(tab) + step + there.length) % there.length];
      next.focus();
      show(next);
    });
  }
  return (/** @type {string} */ panel) => {
    const tab = tabs.find((each) => panelOf(each) === panel);
    if (tab) show(tab);
  };
}
