/** The picture of an item: its cover, or a drawn tile with its name. */

import { element } from "./dom.js";
import { kindOf } from "./words.js";

const PATTERNS = 6;

/**
 * The cover is shown over the tile when it has loaded: a cover that fails to load leaves the tile.
 * @param {import("./api.js").Item} item
 * @param {{eager?: boolean}} [options] `eager`: loads the cover at once, for the main picture of the page
 */
export function cover(item, { eager = false } = {}) {
  const frame = element("div", { class: "cover", "aria-hidden": "true" }, tile(item));
  // A page that is loaded by HTTPS must not load pictures by HTTP.
  if (item.imageUrl?.toLowerCase().startsWith("https:")) {
    const picture = element("img", {
      alt: "",
      width: 200,
      height: 300,
      decoding: "async",
      loading: eager ? "eager" : "lazy",
      referrerpolicy: "no-referrer",
      onload: () => frame.classList.add("has-picture"),
      onerror: () => picture.remove(),
    });
    frame.append(picture);
    picture.src = item.imageUrl;
  }
  return frame;
}

function tile(item) {
  const number = hash(item.name);
  const drawn = element("div", { class: `tile tile-${number % PATTERNS} tile-${lengthOf(item.name)}` },
    element("span", { class: "tile-kind" }, kindOf(item)),
    element("span", { class: "tile-name", dir: "auto" }, item.name));
  drawn.style.setProperty("--hue", String(Math.floor(number / PATTERNS) % 360));
  return drawn;
}

/** Long names, and names with long words, have a smaller font, so that they fit into a tile. */
function lengthOf(name) {
  const longestWord = Math.max(...name.split(/\s+/u).map((word) => word.length));
  if (name.length > 60 || longestWord > 11) return "long";
  return name.length > 22 || longestWord > 7 ? "medium" : "short";
}

/** FNV-1a: the same name has the same colour everywhere. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 0x01000193);
  return value >>> 0;
}
