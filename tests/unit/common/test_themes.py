"""The themes of an item, and the file that maps labels to them."""

import tomllib
from pathlib import Path

import pytest

from seen.v1.types_pb2 import ItemType
from services.catalog import datasets
from services.catalog.adapter import Adapter, published_files
from services.catalog.loader.reader import Reader, identify
from services.catalog.loader.report import Report
from services.common import themes as themes_module
from services.common.themes import themes

FILE = tomllib.loads(Path(themes_module.__file__).with_suffix(".toml").read_text(encoding="utf-8"))
ROOT = Path(themes_module.__file__).parents[2]
TYPES = [name for name in ItemType.keys() if name != "ITEM_TYPE_UNSPECIFIED"]  # noqa: SIM118 - not a mapping


def test_labels_of_two_sources_have_the_same_theme() -> None:
    assert themes(ItemType.BOOK, ["Science Fiction"]) == themes(ItemType.SHOW, ["Sci-Fi"]) == ("Sci-Fi",)


def test_themes_are_distinct_and_in_the_order_of_the_labels() -> None:
    assert themes("BOOK", ["Thriller", "Mystery Thriller", "War"]) == ("Thriller", "Crime", "Mystery", "Drama", "War")


def test_a_label_without_a_word_is_a_theme_itself() -> None:
    assert themes("BOOK", ["Classics", "Fantasy", "A new label"]) == ("Classics", "Fantasy", "A new label")


def test_a_label_that_means_something_else_gives_no_theme() -> None:
    assert themes("BOOK", ["School"]) == ()
    assert themes("ANIME", ["School"]) == ("School",)


def test_the_same_label_differs_by_source() -> None:
    assert themes(ItemType.ANIME, ["Supernatural"]) == ("Fantasy", "Supernatural")
    assert themes(ItemType.SHOW, ["War"]) != themes(ItemType.BOOK, ["War"])


def test_an_item_without_labels_has_no_themes() -> None:
    assert themes("SHOW", []) == ()


@pytest.mark.parametrize("name", TYPES)
def test_every_type_has_a_table_that_uses_only_the_shared_words(name: str) -> None:
    assert {word for words in FILE[name].values() for word in words} <= set(FILE["words"])


@pytest.mark.parametrize("name", TYPES)
def test_no_label_is_listed_with_and_without_a_word(name: str) -> None:
    assert not FILE[name].keys() & set(FILE["without_word"][name])


@pytest.mark.parametrize("name", TYPES)
def test_a_label_without_a_word_is_not_taken_for_a_shared_word(name: str) -> None:
    assert not set(FILE["words"]) & set(FILE["without_word"][name])


@pytest.mark.parametrize("adapter", datasets.adapters(), ids=lambda adapter: adapter.name)
def test_every_label_of_the_sample_is_listed(adapter: Adapter) -> None:
    sample = ROOT / "services" / adapter.name / "sample"
    inputs = identify(adapter, [sample / file.name for file in published_files(adapter)])
    reader = Reader(adapter, inputs, include_adult=True, report=Report(), progress=lambda *_: None)
    labels = {label for batch in reader.batches(1000) for item in batch for label in item.category}
    name = ItemType.Name(adapter.type)
    assert labels <= FILE[name].keys() | set(FILE["without_word"][name]), "add labels to services/common/themes.toml"
