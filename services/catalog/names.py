"""How names are made comparable: "Amélie" is found by "amelie", "Don't Look Up" by "dont look"."""

import re
import unicodedata

# After every string that begins with a text comes the text with this behind it.
LAST = "\U0010ffff"
# A name of 500 characters could have 250 words, each of them an entry of the index.
MOST_WORDS = 64

# Accents of Latin, Greek and Cyrillic. In other scripts a mark makes another letter (か and が) or a vowel (Hindi).
_ACCENTS = re.compile("[\u0300-\u036f]")
_APOSTROPHES = re.compile("['’‘ʼ`´]")
_WORD = re.compile(r"[^\W_]+")
# Letters that people type without their stroke and that Unicode does not take apart.
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "þ": "th", "æ": "ae", "œ": "oe"})


def fold(name: str) -> str:
    """Lower case without accents or apostrophes, single spaces."""
    bare = _APOSTROPHES.sub("", name)
    if not bare.isascii():
        bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", bare).casefold()).translate(_STROKES)
        bare = unicodedata.normalize("NFKC", bare)
    return " ".join(bare.casefold().split())


def words(folded: str) -> list[str]:
    """The different words of a folded name, in its order."""
    return list(dict.fromkeys(_WORD.findall(folded)))[:MOST_WORDS]
