/** A question to confirm before something is deleted. */

import { button, element, newId } from "./dom.js";

/**
 * @param {{title: string, text: string, check?: string, action: string}} question `check`: the label of a checkbox
 *   that enables the action
 * @returns {Promise<boolean>} whether the action was chosen
 */
export function confirm({ title, text, check, action }) {
  const titleId = newId();
  const textId = newId();
  return new Promise((resolve) => {
    const act = button(action, () => dialog.close("yes"), { class: "button button-danger", disabled: Boolean(check) });
    const box = check && element("input", { type: "checkbox", onchange: () => { act.disabled = !box.checked; } });
    const dialog = element("dialog", { class: "dialog", "aria-labelledby": titleId, "aria-describedby": textId },
      element("h2", { id: titleId, dir: "auto" }, title),
      element("p", { id: textId }, text),
      check && element("label", { class: "check" }, box, check),
      element("div", { class: "actions" }, button("Cancel", () => dialog.close(), { autofocus: true }), act));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
