"""The documents agree with the code."""

from pathlib import Path

import pytest

from scripts import update_docs


@pytest.mark.parametrize("readme", update_docs.readmes(), ids=lambda path: path.parent.name)
def test_the_table_of_settings_is_up_to_date(readme: Path) -> None:
    assert readme.read_text("utf-8") == update_docs.with_current_table(readme), "run scripts/update_docs.sh"
