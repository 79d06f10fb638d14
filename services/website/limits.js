/** Limits, defaults and patterns of the REST API. A test compares them with its specification. */

/** Items of a page, and items that one request may name. */
export const MAX_ITEMS = 100;
export const MAX_EXCLUDED = 200;
export const MAX_LIKES = 50;
export const ITEM_KEY = /^(?:BOOK|SHOW|ANIME)\/[1-9a-z]?[0-9a-f]{24}$/;

/** Lengths of texts, in characters. */
export const MAX_SEARCH = 200;
export const MAX_USERNAME = 40;
export const MAX_NAME = 500;
export const MAX_KIND = 50;
export const MAX_IMAGE_URL = 2_000;
export const MAX_SOURCE_ID = 100;
export const MAX_DESCRIPTION = 20_000;

export const MIN_YEAR = -3_000;
export const MAX_YEAR = 3_000;
export const MAX_RATING = 10;

/** `minFilms` and `minVotes` of the best director. */
export const DEFAULT_MIN_FILMS = 10;
export const DEFAULT_MIN_VOTES = 10_000;
export const MAX_MIN_FILMS = 1_000;
export const MAX_MIN_VOTES = 1_000_000_000;
