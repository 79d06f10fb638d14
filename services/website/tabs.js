/** Tabs as in the ARIA Authoring Practices: arrow keys move between them, and Tab reaches only the selected tab. */

import { element, newId } from "./dom.js";

/**
 * @param {string} label what the tabs choose
 * @param {{value: string, text: string}[]} choices
 * @param {(value: string) => void} onselect
 * @returns {{list: HTMLElement, panel: HTMLElement, select: (value: string) => void}} `panel` shows what is selected
 */
export function tabs(label, choices, onselect) {
  const panel = element("div", { role: "tabpanel", id: newId(), class: "panel" });
  const buttons = choices.map(({ value, text }) => element("button", {
    type: "button", role: "tab", id: newId(), class: "tab", "data-value": value, "aria-controls": panel.id,
    onclick: () => onselect(value),
  }, text));
  const list = element("div", { role: "tablist", class: "tabs", "aria-label": label, onkeydown: move }, ...buttons);

  function move(event) {
    const current = buttons.indexOf(document.activeElement);
    const targets = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: buttons.length - 1 };
    if (!(event.key in targets)) return;
    event.preventDefault();
    const next = buttons.at(targets[event.key] % buttons.length);
    next.focus();
    onselect(next.dataset.value);
  }

  function select(value) {
    for (const tab of buttons) {
      const selected = tab.dataset.value === value;
      tab.setAttribute("aria-selected", selected);
      tab.tabIndex = selected ? 0 : -1;
      if (selected) panel.setAttribute("aria-labelledby", tab.id);
    }
  }

  return { list, panel, select };
}
