/** How the page writes types, kinds, numbers, dates and reasons. */

/** In the order of the tabs. */
export const TYPES = [
  { type: "BOOK", title: "Books", singular: "Book" },
  { type: "SHOW", title: "Films and shows", singular: "Film or show" },
  { type: "ANIME", title: "Anime", singular: "Anime" },
];

/** How kinds are written, by their names at the sources. Other kinds are written as at the source. */
const KINDS = {
  movie: "Film", short: "Short", tvSeries: "Series", tvMiniSeries: "Mini-series", tvMovie: "TV film",
  tvEpisode: "Episode", tvSpecial: "Special", tvShort: "Short", tvPilot: "Pilot", videoGame: "Game", video: "Video",
  TV: "Anime", Movie: "Anime film",
};

const SOURCES = {
  BOOK: { name: "Goodreads", id: /^[0-9]+$/, address: (id) => `https://www.goodreads.com/book/show/${id}` },
  SHOW: { name: "IMDb", id: /^tt[0-9]+$/, address: filmAddress },
  ANIME: { name: "MyAnimeList", id: /^[0-9]+$/, address: (id) => `https://myanimelist.net/anime/${id}` },
};

const numbers = new Intl.NumberFormat("en");
const shortNumbers = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "long" });
const times = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });

export const count = (number) => numbers.format(number);
export const shortCount = (number) => shortNumbers.format(number);
export const day = (timestamp) => dates.format(new Date(timestamp));
export const moment = (timestamp) => times.format(new Date(timestamp));

/** @param {import("./api.js").Item} item */
export function kindOf(item) {
  return KINDS[item.kind] ?? item.kind ?? TYPES.find(({ type }) => type === item.type)?.singular ?? "";
}

export function yearOf(item) {
  if (item.year === undefined) return "";
  return item.year < 0 ? `${-item.year} BC` : String(item.year);
}

/** The item's page at its source; undefined for an item that was added here. */
export function sourceOf(item) {
  const source = SOURCES[item.type];
  if (!source?.id.test(item.sourceId ?? "")) return undefined;
  return { name: source.name, address: source.address(item.sourceId) };
}

/** The page of a film at IMDb. */
export function filmAddress(id) {
  return `https://www.imdb.com/title/${encodeURIComponent(id)}/`;
}

/** "Books and Anime". */
export function datasets(types) {
  const titles = types.map((name) => TYPES.find(({ type }) => type === name)?.title ?? name);
  return new Intl.ListFormat("en").format(titles);
}

/**
 * @param {import("./api.js").Because|undefined} because
 * @param {boolean} liked whether the first item of the reason is liked
 */
export function reasonOf(because, liked) {
  if (because?.items) return `Because you ${liked ? "liked" : "have seen"} ${because.items[0].name}`;
  if (because?.category) {
    const { category, seen, liked: likes } = because;
    return `Because you like ${category}: ${count(seen)} seen, ${count(likes)} liked`;
  }
  return because?.popular ? "Popular with many people" : "Something different";
}

/** Capitalizes the text and adds a full stop. The messages of the API may begin with the name of a field. */
export function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
