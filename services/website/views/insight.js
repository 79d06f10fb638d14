/** Two questions over all of IMDb, with the evidence behind their answers, and the progress while they are computed. */

import * as address from "../address.js";
import { announce } from "../announce.js";
import * as api from "../api.js";
import { bar, scatter, table } from "../charts.js";
import { element, focusOn, newId, outsideLink } from "../dom.js";
import * as limits from "../limits.js";
import * as loading from "../loading.js";
import { count, filmAddress, moment, shortCount } from "../words.js";

const SHORTEST_WAIT_S = 1;
/** Where the bars of ratings begin: the average ratings of the best directors are higher. */
const LOWEST_RATING = 5;

export function render(target, signal) {
  const minFilms = target.minFilms ?? String(limits.DEFAULT_MIN_FILMS);
  const minVotes = target.minVotes ?? String(limits.DEFAULT_MIN_VOTES);
  const director = element("div", {});
  const connected = element("div", {});
  const node = element("div", { class: "view insight", "data-title": "Insight" },
    element("h1", {}, "Insight"),
    element("p", { class: "lead" }, "Two questions that are answered from all of IMDb."),
    element("section", {},
      element("h2", {}, "Who is the best director?"), conditionsForm(minFilms, minVotes), director),
    element("section", {},
      element("h2", {}, "Who has worked with the most people?"), connected));
  showQuestion(director, {
    what: "The best director",
    load: () => api.bestDirector({ minFilms, minVotes }, signal),
    show: bestDirector,
    signal,
  });
  showQuestion(connected, {
    what: "The most connected person",
    load: () => api.mostConnected(signal),
    show: mostConnected,
    signal,
  });
  return { node };
}

/** Shows the answer. While it is computed, shows the progress, and asks again after the time that the API names. */
async function showQuestion(container, question) {
  const { what, load, signal } = question;
  container.replaceChildren(loading.skeletonText());
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
      showQuestion(container, question);
    };
    container.replaceChildren(loading.failureBox(`${what} cannot be shown.`, error, again));
  }
}

/** Returns after how many seconds to ask again; null if nothing is being computed. */
function showAnswer(container, answer, { what, show }) {
  const isFirst = api.isComputation(answer);
  const computation = isFirst ? answer : answer.computation;
  if (isFirst) {
    showProgress(container, computation);
  } else {
    container.replaceChildren(...show(answer).filter(Boolean), footnotes(answer));
    announce(`${what}: ${answer.winner ? nameOf(answer.winner.person) : "nobody"}`);
  }
  return isFirst || computation?.running ? Math.max(SHORTEST_WAIT_S, computation.retryAfterSeconds ?? 0) : null;
}

/** Changes the existing bar: screen readers would read a new one from the beginning. */
function showProgress(container, { stage, progress, failure }) {
  if (!container.querySelector(".progress")) {
    const id = newId();
    container.replaceChildren(element("div", { class: "progress" },
      element("p", { id, class: "progress-text" }),
      element("progress", { max: 1, "aria-labelledby": id }),
      element("p", { class: "wrong" })));
    announce("The answer is being computed");
  }
  const [text, meter, problem] = container.firstElementChild.children;
  const percent = progress > 0 ? `, ${Math.round(progress * 100)} %` : "";
  text.textContent = `Being computed from all of IMDb${stage ? `: ${stage}` : ""}${percent}`;
  if (progress > 0) meter.value = progress;
  else meter.removeAttribute("value");
  problem.textContent = failure ? `The last attempt failed: ${failure}` : "";
}

function conditionsForm(minFilms, minVotes) {
  const number = (name, label, value, max) => {
    const id = newId();
    return element("span", {},
      element("label", { for: id }, label),
      element("input", { id, name, type: "number", class: "field field-short", min: 1, max, value, required: true }));
  };
  const submit = (event) => {
    event.preventDefault();
    const { minFilms: films, minVotes: votes } = event.currentTarget.elements;
    address.go(address.href({ view: "insight", minFilms: films.value, minVotes: votes.value }));
  };
  return element("form", { class: "conditions", onsubmit: submit },
    number("minFilms", "Films, at least", minFilms, limits.MAX_MIN_FILMS),
    number("minVotes", "Votes of each film, at least", minVotes, limits.MAX_MIN_VOTES),
    element("button", { class: "button", type: "submit" }, "Ask"));
}

function bestDirector({ winner, films, runnersUp }) {
  if (!winner) return [loading.empty("No director has so many films with so many votes.")];
  const name = nameOf(winner.person);
  const ranks = [winner, ...runnersUp];
  const ratings = ranks.map(({ averageRating }) => averageRating);
  const share = shares(Math.min(LOWEST_RATING, ...ratings), Math.max(...ratings));
  return [
    winnerLine(winner.person, `${winner.averageRating.toFixed(2)} of 10 on average over ${count(winner.films)} films`
      + ` with ${count(winner.votes)} votes`),
    scatter(films, `Films of ${name} by year and rating; the table below has the numbers`),
    element("details", { class: "evidence" },
      element("summary", {}, `The ${count(films.length)} films that count`),
      table(`Films of ${name}`, [
        { heading: "Film", content: linkToFilm },
        { heading: "Year", content: ({ year }) => year ?? "", isNumber: true },
        { heading: "Rating", content: ({ rating }) => rating.toFixed(1), isNumber: true },
        { heading: "Votes", content: ({ votes }) => shortCount(votes), isNumber: true },
      ], films)),
    element("h3", {}, "Who follows"),
    table("Directors by average rating", [
      { heading: "Person", content: linkTo },
      { heading: "Films", content: ({ films: number }) => count(number), isNumber: true },
      { heading: "Average rating", content: ({ averageRating: mean }) => bar(share(mean), mean.toFixed(2)) },
    ], ranks, "bars"),
  ];
}

function mostConnected({ winner, runnersUp }) {
  if (!winner) return [loading.empty("Nobody has worked with anybody.")];
  const share = shares(0, winner.coworkers);
  return [
    winnerLine(winner.person, `has worked with ${count(winner.coworkers)} different people`),
    table("People by the number of those they have worked with", [
      { heading: "Person", content: linkTo },
      { heading: "Worked with", content: ({ coworkers }) => bar(share(coworkers), count(coworkers)) },
    ], [winner, ...runnersUp], "bars"),
  ];
}

/** Returns a function from a value to the share of a bar from `lowest` to `highest`. */
const shares = (lowest, highest) => (value) => (value - lowest) / (highest - lowest || 1);

const nameOf = ({ name, id }) => name ?? id;
const linkTo = ({ person }) => outsideLink(person.link, {}, nameOf(person));
const linkToFilm = ({ id, name }) => outsideLink(filmAddress(id), {}, name);

function winnerLine(person, text) {
  return element("p", { class: "winner" }, element("strong", {}, linkTo({ person })), element("span", {}, text));
}

function footnotes({ computedAt, stale, leftOut, computation }) {
  const parts = [
    computedAt && `Computed on ${moment(computedAt)}.`,
    stale && "IMDb's files have changed since; a new answer is being computed.",
    computation?.failure && `The last attempt failed: ${computation.failure}.`,
    leftOut.unreadableLines > 0 && `${count(leftOut.unreadableLines)} unreadable lines are left out.`,
    leftOut.peopleWithoutName > 0 && `${count(leftOut.peopleWithoutName)} people have no name in IMDb's list.`,
  ];
  return element("p", { class: "faint small" }, parts.filter(Boolean).join(" "));
}

function sleep(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
