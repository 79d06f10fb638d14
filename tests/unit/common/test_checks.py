import pytest

from services.common import checks
from services.common.errors import InvalidArgument


@pytest.mark.parametrize("value", ["", "   ", "x" * 11, "x" * 1_000_000, "nul\0", "bell\a", "\ud800", "line\nbreak"])
def test_text_of_a_wrong_length_or_with_control_characters_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        checks.text("name", value, 10)
    assert refused.value.field == "name"


@pytest.mark.parametrize("value", ["\u200b", "\u202e \u202c", "\ufeff\u2060"])
def test_text_without_a_visible_character_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgument, match="name: must contain a visible character"):
        checks.text("name", value, 10)


@pytest.mark.parametrize("value", ["300", "!", "∞", "👩\u200d👩", "نامه\u200cای", "ครู", "a\u2028b"])
def test_every_script_and_every_sign_counts_as_visible(value: str) -> None:
    assert checks.text("name", value, 10) == value


def test_text_is_stripped_and_composed() -> None:
    assert checks.text("name", "  Ame\u0301lie ", 10) == "Amélie"


def test_line_breaks_are_kept_if_allowed() -> None:
    assert checks.text("description", "a\r\n\tb", 10, line_breaks=True) == "a\r\n\tb"


@pytest.mark.parametrize("value", [0, 101, -1, 2**63])
def test_a_number_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(InvalidArgument, match="must be between 1 and 100"):
        checks.integer("size", value, 1, 100)
