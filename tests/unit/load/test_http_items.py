"""Generated items have the form of the published files."""

import pytest

from load.benchmarks.http import items as generated
from services.catalog import datasets
from services.catalog.item import Item

AMOUNT = 1_000


@pytest.fixture(scope="module", params=["book", "imdb", "anime"])
def dataset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def items(dataset: str) -> list[Item]:
    adapter = datasets.get_adapter(dataset)
    rows = generated.generate(dataset, AMOUNT)
    read = [adapter.item({name: str(row.get(name, "")) for name in adapter.source.columns}) for row in rows]
    return [item for item in read if isinstance(item, Item)]


def test_each_row_becomes_an_item(items: list[Item]) -> None:
    assert len({item.source_id for item in items}) == AMOUNT


def test_about_half_of_the_items_have_the_most_frequent_category(dataset: str, items: list[Item]) -> None:
    most_frequent = generated.CATEGORIES[dataset][2].split(",")[0]
    assert 0.4 < sum(most_frequent in item.category for item in items) / len(items) < 0.75


def test_the_rows_are_the_same_each_time(dataset: str) -> None:
    assert generated.generate(dataset, AMOUNT) == generated.generate(dataset, AMOUNT)
