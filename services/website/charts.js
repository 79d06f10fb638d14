/** Tables, bars and a scatter plot. Each drawing has a text with the same numbers, for screen readers. */

import { drawing, element } from "./dom.js";
import { count } from "./words.js";

const SIZE = { width: 640, height: 260, left: 40, right: 16, top: 16, bottom: 32 };
const DOT = { smallest: 4, growth: 10 };

/**
 * @template T
 * @typedef {Object} Column
 * @property {string} heading
 * @property {(row: T) => Node|string|number} content
 * @property {boolean} [isNumber]
 */

/**
 * A table. The cells of the first column are the headings of the rows.
 * @template T
 * @param {string} caption for screen readers
 * @param {Column<T>[]} columns
 * @param {T[]} rows
 * @param {string} [className]
 */
export function table(caption, columns, rows, className = "") {
  const classOf = ({ isNumber }) => (isNumber ? "number" : "");
  const headings = columns.map((column) => element("th", { scope: "col", class: classOf(column) }, column.heading));
  const cell = (column, row, index) => index
    ? element("td", { class: classOf(column) }, column.content(row))
    : element("th", { scope: "row" }, column.content(row));
  const line = (row) => element("tr", {}, ...columns.map((column, index) => cell(column, row, index)));
  return element("table", { class: className },
    element("caption", { class: "hidden" }, caption),
    element("thead", {}, element("tr", {}, ...headings)),
    element("tbody", {}, ...rows.map(line)));
}

/**
 * A bar with its number beside it.
 * @param {number} share of the longest bar, 0 to 1
 * @param {string} text
 */
export function bar(share, text) {
  const drawn = element("span", { class: "bar", "aria-hidden": "true" });
  drawn.style.setProperty("--share", String(share));
  return element("span", { class: "bar-cell" }, drawn, element("span", {}, text));
}

/**
 * Films by year and rating; the area of a dot grows with the votes. Null if there is too little to draw.
 * @param {{name: string, year?: number, rating: number, votes: number}[]} films
 * @param {string} label
 */
export function scatter(films, label) {
  const dated = films.filter(({ year }) => year !== undefined);
  if (dated.length < 2) return null;
  const years = dated.map(({ year }) => year);
  const ratings = dated.map(({ rating }) => rating);
  const [first, last] = [Math.min(...years), Math.max(...years)];
  const [low, high] = [Math.floor(Math.min(...ratings) - 0.2), Math.min(10, Math.ceil(Math.max(...ratings) + 0.2))];
  const { width, height, left, right, top, bottom } = SIZE;
  // With a margin on both sides.
  const x = (year) => left + ((year - first + 1) / (last - first + 2)) * (width - left - right);
  const y = (rating) => top + ((high - rating) / (high - low)) * (height - top - bottom);

  const grid = Array.from({ length: high - low + 1 }, (_, index) => low + index).flatMap((rating) => [
    drawing("line", { x1: left, x2: width - right, y1: y(rating), y2: y(rating), class: "chart-line" }),
    drawing("text", { x: left - 10, y: y(rating) + 4, class: "chart-text", "text-anchor": "end" }, rating),
  ]);
  const yearLabels = [...new Set([first, Math.round((first + last) / 2), last])].map((year) =>
    drawing("text", { x: x(year), y: height - 8, class: "chart-text", "text-anchor": "middle" }, year));
  const mostVotes = Math.max(1, ...dated.map(({ votes }) => votes));
  const dots = dated.map(({ name, year, rating, votes }) => {
    const r = DOT.smallest + DOT.growth * Math.sqrt(votes / mostVotes);
    return drawing("circle", { cx: x(year), cy: y(rating), r, class: "chart-dot" },
      drawing("title", {}, `${name} (${year}): ${rating}, ${count(votes)} votes`));
  });
  return element("div", { class: "chart-frame" },
    drawing("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": label },
      ...grid, ...yearLabels, ...dots));
}
