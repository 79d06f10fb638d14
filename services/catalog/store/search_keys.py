"""The normalized names that searches compare: "amelie" finds "Amélie", and "dont look" finds "Don't Look Up"."""

import re
import unicodedata

# The strings that begin with P are those from P up to P + LAST_CHARACTER.
LAST_CHARACTER = "\U0010ffff"
# Each word is an entry of the index, and a name of 500 characters may have 250 words.
MAX_WORDS = 64

# Latin, Greek and Cyrillic accents. In other scripts a combining mark makes another letter (か, が) or a vowel (Hindi).
_ACCENTS = re.compile("[\u0300-\u036f]")
_APOSTROPHES = re.compile("['’‘ʼ`´]")
_WORD = re.compile(r"[^\W_]+")
# Letters that are often typed without their stroke, and that NFKD does not decompose.
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "þ": "th", "æ": "ae", "œ": "oe"})


def name_key(name: str) -> str:
    """The name case-folded, without accents and apostrophes, with single spaces."""
    key = _APOSTROPHES.sub("", name)
    if not key.isascii():
        key = _ACCENTS.sub("", unicodedata.normalize("NFKD", key).casefold()).translate(_STROKES)
        key = unicodedata.normalize("NFKC", key)
    return " ".join(key.casefold().split())


def words(key: str) -> list[str]:
    """The distinct words of a name key, in their order."""
    return list(dict.fromkeys(_WORD.findall(key)))[:MAX_WORDS]
