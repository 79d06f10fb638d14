"""Which usernames are valid, and which of them count as equal."""

import re
import unicodedata

from services.common import checks
from services.common.errors import InvalidArgument

MAX_LENGTH = 40
# Folding turns one character into at most four ("ﷲ").
MAX_KEY_LENGTH = 4 * MAX_LENGTH

# Unicode counts these as letters or marks, but they are not visible: names that contain them could look equal or empty.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def check(username: str) -> str:
    """The username in composed form (NFC), which is what MAX_LENGTH applies to.

    Combining marks are allowed after a letter: Hindi and Thai cannot be written without them.
    """
    if len(username) <= 4 * MAX_LENGTH:  # do not compose a megabyte
        username = unicodedata.normalize("NFC", username)
    if not 1 <= len(username) <= MAX_LENGTH:
        raise InvalidArgument("username", f"must be 1 to {MAX_LENGTH} characters long, not {len(username)}")
    # Also check the key: some letters fold to a space and an accent.
    if not (_is_valid(username) and _is_valid(key(username))):
        raise InvalidArgument("username", "must contain only letters, digits, dots, dashes and underscores")
    return username


def key(username: str) -> str:
    """Equal for usernames that differ only in case or width: "Ana", "ANA", "Ａｎａ". Nearly Unicode's NFKC_Casefold."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def prefix_key(prefix: str) -> str:
    """What the keys of all usernames with this prefix begin with. The prefix need not be a valid username."""
    return key(checks.text("prefix", prefix, MAX_LENGTH))


def _is_valid(username: str) -> bool:
    categories = [unicodedata.category(character) for character in username if character not in "._-"]
    return (
        all(category[0] in "LM" or category == "Nd" for category in categories)
        and unicodedata.category(username[0])[0] != "M"
        and not _INVISIBLE.search(username)
    )
