/** Two questions over all of IMDb, with the evidence behind their answers, and the progress while they are computed. */

import * as address from "../address.js";
import { announce } from "../announce.js";
import * as api from "../api.js";
import { drawing, element, focusOn, newId } from "../dom.js";
import * as loading from "../loading.js";
import { count, moment, shortCount } from "../words.js";

const MIN_FILMS = 10;
const MIN_VOTES = 10_000;
const SHORTEST_WAIT_S = 1;

export function render(target, signal) {
  const minFilms = target.minFilms ?? String(MIN_FILMS);
  const minVotes = target.minVotes ?? String(MIN_VOTES);
  const director = element("div", {});
  const connected = element("div", {});
  const node = element("div", { class: "view insight", "data-title": "Insight" },
    element("h1", {}, "Insight"),
    element("p", { class: "lead" }, "Two questions that are answered from all of IMDb."),
    element("section", {}, element("h2", {}, "Who is the best director?"), conditions(minFilms, minVotes), director),
    element("section", {}, element("h2", {}, "Who has worked with the most people?"), connected));
  ask(director, {
    what: "The best director", load: () => api.bestDirector({ minFilms, minVotes }, signal), show: bestDirector, signal,
  });
  ask(connected, { what: "The most connected person", load: () => api.mostConnected(signal), show: mostConnected, signal });
  return { node };
}

/** Shows the answer. While it is computed, shows the progress and asks again when the API says so. */
async function ask(container, question) {
  const { what, load, signal } = question;
  container.replaceChildren(element("div", { class: "skeleton" },
    element("div", { class: "line line-title" }), element("div", { class: "line" }), element("div", { class: "line line-short" })));
  try {
    let wait = 0;
    while (wait !== null) {
      await sleep(wait, signal);
      wait = showAnswer(container, await load(), question);
    }
  } catch (error) {
    if (error.name === "AbortError") return;
    const again = () => {
      focusOn(container);
      ask(container, question);
    };
    container.replaceChildren(loading.failure(`${what} cannot be shown.`, error, again));
  }
}

/** Returns after how many seconds to ask again; null if this is the last word. */
function showAnswer(container, answer, { what, show }) {
  const isComputing = api.isComputing(answer);
  const computation = isComputing ? answer : answer.computation;
  if (isComputing) {
    updateProgress(container, computation);
  } else {
    container.replaceChildren(...show(answer).filter(Boolean), closing(answer));
    announce(`${what}: ${answer.winner ? nameOf(answer.winner.person) : "nobody"}`);
  }
  return isComputing || computation?.running ? Math.max(SHORTEST_WAIT_S, computation.retryAfterSeconds ?? 0) : null;
}

/** Keeps the bar in place, so that screen readers do not begin anew with each step. */
function updateProgress(container, { stage, progress, failure }) {
  let box = container.querySelector(".progress");
  if (!box) {
    const id = newId();
    box = element("div", { class: "progress" }, element("p", { id, class: "progress-text" }), element("progress", { max: 1, "aria-labelledby": id }), element("p", { class: "wrong" }));
    container.replaceChildren(box);
    announce("The answer is being computed");
  }
  const bar = box.querySelector("progress");
  if (progress > 0) bar.value = progress;
  else bar.removeAttribute("value");
  const percent = progress > 0 ? `, ${Math.round(progress * 100)} %` : "";
  box.firstElementChild.textContent = `Being computed from all of IMDb${stage ? `: ${stage}` : ""}${percent}`;
  box.lastElementChild.textContent = failure ? `The last attempt failed: ${failure}` : "";
}

function conditions(minFilms, minVotes) {
  const number = (name, label, value, max) => {
    const id = newId();
    return [element("label", { for: id }, label), element("input", { id, name, type: "number", class: "field field-short", min: 1, max, value, required: true })];
  };
  const submit = (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const [films, votes] = [form.elements.minFilms.value, form.elements.minVotes.value];
    address.go(address.href({ view: "insight", minFilms: films, minVotes: votes }));
  };
  return element("form", { class: "conditions", onsubmit: submit },
    element("span", {}, ...number("minFilms", "Films, at least", minFilms, 1000)),
    element("span", {}, ...number("minVotes", "Votes of each film, at least", minVotes, 1_000_000_000)),
    element("button", { class: "button", type: "submit" }, "Ask"));
}

function bestDirector({ winner, films, runnersUp }) {
  if (!winner) return [loading.empty("No director has so many films with so many votes.")];
  return [
    winnerLine(winner.person, `${winner.averageRating.toFixed(2)} of 10 on average over ${count(winner.films)} films with ${count(winner.votes)} votes`),
    scatter(films, nameOf(winner.person)),
    filmTable(films, nameOf(winner.person)),
    element("h3", {}, "Who follows"),
    bars([winner, ...runnersUp], {
      caption: "Directors by average rating", value: ({ averageRating }) => averageRating, text: ({ averageRating }) => averageRating.toFixed(2),
      heading: "Average rating", extra: { heading: "Films", text: ({ films: number }) => count(number) }, from: 5,
    }),
  ];
}

function mostConnected({ winner, runnersUp }) {
  if (!winner) return [loading.empty("Nobody has worked with anybody.")];
  return [
    winnerLine(winner.person, `has worked with ${count(winner.coworkers)} different people`),
    bars([winner, ...runnersUp], {
      caption: "People by the number of those they have worked with", value: ({ coworkers }) => coworkers, text: ({ coworkers }) => count(coworkers),
      heading: "Worked with", from: 0,
    }),
  ];
}

const nameOf = ({ name, id }) => name ?? id;

function person(somebody) {
  return element("a", { href: somebody.link, rel: "noreferrer noopener", target: "_blank", dir: "auto" }, nameOf(somebody));
}

function winnerLine(somebody, text) {
  return element("p", { class: "winner" }, element("strong", {}, person(somebody)), element("span", {}, text));
}

/**
 * A table whose cells are bars.
 * @param {{caption: string, heading: string, value: (rank: any) => number, text: (rank: any) => string, from: number,
 *   extra?: {heading: string, text: (rank: any) => string}}} columns `from`: where the bars begin
 */
function bars(ranks, { caption, heading, value, text, from, extra }) {
  const highest = Math.max(...ranks.map(value));
  const lowest = Math.min(from, ...ranks.map(value));
  const row = (rank) => {
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", String((value(rank) - lowest) / (highest - lowest || 1)));
    return element("tr", {}, element("th", { scope: "row" }, person(rank.person)),
      extra && element("td", { class: "number" }, extra.text(rank)),
      element("td", { class: "bar-cell" }, bar, element("span", {}, text(rank))));
  };
  return element("table", { class: "bars" }, element("caption", { class: "hidden" }, caption),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Person"), extra && element("th", { scope: "col", class: "number" }, extra.heading), element("th", { scope: "col" }, heading))),
    element("tbody", {}, ...ranks.map(row)));
}

/** Films by year and rating; the area of a dot grows with the votes. The table below has the same numbers. */
function scatter(films, who) {
  const dated = films.filter(({ year }) => year !== undefined);
  if (dated.length < 2) return null;
  const [width, height, left, right, top, bottom] = [640, 260, 40, 16, 16, 32];
  const years = dated.map(({ year }) => year);
  const [first, last] = [Math.min(...years) - 1, Math.max(...years) + 1];
  const low = Math.floor(Math.min(...dated.map(({ rating }) => rating)) - 0.2);
  const high = Math.min(10, Math.ceil(Math.max(...dated.map(({ rating }) => rating)) + 0.2));
  const x = (year) => left + ((year - first) / (last - first)) * (width - left - right);
  const y = (rating) => top + ((high - rating) / (high - low)) * (height - top - bottom);
  const mostVotes = Math.max(...dated.map(({ votes }) => votes), 1);
  const steps = Array.from({ length: high - low + 1 }, (_, index) => low + index);
  const lines = steps.flatMap((rating) => [
    drawing("line", { x1: left, x2: width - right, y1: y(rating), y2: y(rating), class: "chart-line" }),
    drawing("text", { x: left - 10, y: y(rating) + 4, class: "chart-text", "text-anchor": "end" }, rating),
  ]);
  const labels = [...new Set([first + 1, Math.round((first + last) / 2), last - 1])].map((year) => drawing("text", { x: x(year), y: height - 8, class: "chart-text", "text-anchor": "middle" }, year));
  const dot = ({ name, year, rating, votes }) => drawing("circle", { cx: x(year), cy: y(rating), r: 4 + 10 * Math.sqrt(votes / mostVotes), class: "chart-dot" },
    drawing("title", {}, `${name} (${year}): ${rating}, ${count(votes)} votes`));
  return element("div", { class: "chart-frame" }, drawing("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": `Films of ${who} by year and rating; the table below has the numbers` },
    ...lines, ...labels, ...dated.map(dot)));
}

function filmTable(films, who) {
  const row = ({ id, name, year, rating, votes }) => element("tr", {},
    element("th", { scope: "row" }, element("a", { href: `https://www.imdb.com/title/${encodeURIComponent(id)}/`, rel: "noreferrer noopener", target: "_blank", dir: "auto" }, name)),
    element("td", { class: "number" }, year ?? ""), element("td", { class: "number" }, rating.toFixed(1)), element("td", { class: "number" }, shortCount(votes)));
  return element("details", { class: "evidence" }, element("summary", {}, `The ${count(films.length)} films that count`),
    element("table", {}, element("caption", { class: "hidden" }, `Films of ${who}`),
      element("thead", {}, element("tr", {}, ...["Film", "Year", "Rating", "Votes"].map((text, index) => element("th", { scope: "col", class: index ? "number" : "" }, text)))),
      element("tbody", {}, ...films.map(row))));
}

function closing({ computedAt, stale, leftOut, computation }) {
  const parts = [];
  if (computedAt) parts.push(`Computed on ${moment(computedAt)}.`);
  if (stale) parts.push("IMDb's files have changed since; a new answer is being computed.");
  if (computation?.failure) parts.push(`The last attempt failed: ${computation.failure}.`);
  if (leftOut.unreadableLines) parts.push(`${count(leftOut.unreadableLines)} unreadable lines are left out.`);
  if (leftOut.peopleWithoutName) parts.push(`${count(leftOut.peopleWithoutName)} people have no name in IMDb's list.`);
  return element("p", { class: "faint small" }, parts.join(" "));
}

function sleep(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
