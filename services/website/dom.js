/** Elements, icons, focus and typing. Text is always set as text: nothing here parses HTML. */

const SVG = "http://www.w3.org/2000/svg";
const TYPING_MS = 250;

/** Paths on a grid of 24 by 24. */
const ICONS = {
  seen: "M4.5 12.5 10 18 20 6.5",
  like: "M12 20s-7.5-4.6-7.5-10.2A4.3 4.3 0 0 1 12 7.3a4.3 4.3 0 0 1 7.5 2.5C19.5 15.4 12 20 12 20Z",
  hide: "M6 6l12 12M18 6 6 18",
  add: "M12 5v14M5 12h14",
  link: "M9 6h9v9M18 6 7 17",
};

/**
 * Creates an element.
 * @param {string} tag
 * @param {Object<string, any>} [properties] attributes, and listeners: "onclick". False, null and undefined are left
 *   out; true sets an attribute without a value
 * @param {...(Node|string|number|null|false|undefined)} children
 */
export function element(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Creates an element of a drawing (SVG); see `element`. */
export function drawing(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  return drawing("svg", { viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true" },
    drawing("path", { d: ICONS[name] }));
}

export function button(text, onclick, properties = {}) {
  return element("button", { type: "button", class: "button", onclick, ...properties }, text);
}

/** A link to another site. The site does not learn on which page it is. */
export function outsideLink(href, properties, ...content) {
  return element("a", { href, rel: "noreferrer noopener", target: "_blank", dir: "auto", ...properties }, ...content);
}

/** An id that no other element has. */
export function newId() {
  newId.last = (newId.last ?? 0) + 1;
  return `id-${newId.last}`;
}

/** Moves the focus to any element, also to one that is not in the tab order, such as a heading. */
export function focusOn(target) {
  if (!target) return;
  if (!target.matches("a[href], button, input, select, textarea, [tabindex]")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** A listener for "input" that calls `act` when nothing has been typed for a moment; `cancel()` ends the wait. */
export function afterTyping(act) {
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(act, TYPING_MS);
  };
  wait.cancel = () => clearTimeout(timer);
  return wait;
}

function fill(target, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) target.addEventListener(name.slice(2), value);
    else target.setAttribute(name, value === true ? "" : value);
  }
  target.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return target;
}
