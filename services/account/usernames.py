"""What a username may be, and when two of them are the same."""

import unicodedata

from services.common import checks
from services.common.errors import InvalidArgument

LONGEST = 40
# Folding makes at most four letters of one ("ﷲ"), as a test checks for all of Unicode.
LONGEST_KEY = 4 * LONGEST

_PUNCTUATION = frozenset("._-")
# Letters and marks by category, and yet nothing to see: with them two names could look the same, or one like none.
_INVISIBLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)


def checked(username: str) -> str:
    """The username in Unicode's composed form (NFC). Marks that combine with a letter before them count as letters:
    Hindi and Thai cannot be written without."""
    if len(username) <= 4 * LONGEST:  # a megabyte is not worth composing
        username = unicodedata.normalize("NFC", username)
    if not 1 <= len(username) <= LONGEST:
        raise InvalidArgument("username", f"must be 1 to {LONGEST} characters long, not {len(username)}")
    # The folded form too: a few letters are really a space and an accent.
    if not (_acceptable(username) and _acceptable(key(username))):
        raise InvalidArgument("username", "must hold only letters, digits, dots, dashes and underscores")
    return username


def key(username: str) -> str:
    """What is equal for usernames that are the same: "Ana", "ANA" and "Ａｎａ". Unicode's NFKC_Casefold, nearly."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def prefix_key(prefix: str) -> str:
    """What the keys of all usernames begin with that begin with the prefix."""
    return key(checks.text("prefix", prefix, LONGEST))


def _acceptable(username: str) -> bool:
    return unicodedata.category(username[0])[0] != "M" and all(map(_allowed, username))


def _allowed(character: str) -> bool:
    category = unicodedata.category(character)
    return (category[0] in "LM" or category == "Nd" or character in _PUNCTUATION) and character not in _INVISIBLE
