"""Strategy "taste": the suggested items, their reasons, and the items left out. tests/unit/taste tests the ranking."""

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from services.common.errors import Unavailable
from services.library.datasets import Datasets
from services.library.domain import ThemePoints
from services.library.suggestions.models import Models
from services.library.suggestions.request import BecauseOfItems, BecausePopular, Request, Suggestions
from services.library.suggestions.suggester import Strategy, Suggester
from services.taste import model_file
from services.taste.arrays import Rows
from services.taste.domain import ItemRef, Mark
from services.taste.model import Model
from tests.unit.library.fakes import (
    ANIME,
    BOOK,
    SHOW,
    FakeAccounts,
    FakeDataset,
    FakeItem,
    FakeModelSource,
    items,
    ref,
)

ANA = "auth0|ana"


class Library:
    """Datasets, one user's account, and the models."""

    def __init__(self, *datasets: FakeDataset) -> None:
        self.datasets = Datasets(datasets)
        self.accounts = FakeAccounts()
        self.source = FakeModelSource()
        self.models = Models(self.source, self.datasets, check_interval_s=1, votes_interval_s=1)

    def mark(self, *marked: FakeItem, liked: bool = True) -> None:
        """The user marks these items, in this order."""
        marks = [Mark(ref(item), not liked, liked, item.category, item.themes) for item in reversed(marked)]
        self.accounts.recent = marks + self.accounts.recent
        self.accounts.marks |= {mark.ref for mark in marks}

    async def train(self, neighbours: dict[ItemRef, list[ItemRef]]) -> None:
        """The trained model has all items, and these neighbours."""
        items = [item for dataset in self.datasets.by_type.values() for item in await dataset.most_voted(10_000)]
        positions = {ref(item): position for position, item in enumerate(items)}
        rows = Rows.of([[positions[neighbour] for neighbour in neighbours.get(ref(item), ())] for item in items])
        counts = {item_type: await dataset.categories() for item_type, dataset in self.datasets.by_type.items()}
        weights = np.full(len(rows.values), 0.5, np.float32)
        model = Model.build(items, counts, version="1", neighbours=rows, weights=weights)
        self.source.current, self.source.content = model.version, model_file.to_bytes(model)
        await self.models.read_trained()

    async def suggest(
        self,
        subject: str = ANA,
        types: Sequence[int] = (),
        amount: int = 5,
        seed: int = 1,
        exclude: Iterable[FakeItem] = (),
        likes: Iterable[FakeItem] = (),
    ) -> Suggestions:
        request = Request(subject, types, amount, seed, [ref(item) for item in exclude], [ref(item) for item in likes])
        suggester = Suggester(self.datasets, self.accounts, self.models)
        return await suggester.suggest(Strategy.TASTE, request)


def suggested(answer: Suggestions) -> list[ItemRef]:
    return [ItemRef(entry.item.type, entry.item.id) for entry in answer.suggestions]


async def test_before_any_training_the_most_voted_items_are_suggested_as_popular() -> None:
    books = FakeDataset(BOOK, items(["Drama"], 900))
    library = Library(books)
    await library.models.read_votes()
    answer = await library.suggest(subject="")
    assert len(answer.suggestions) == 5
    assert set(suggested(answer)) <= {ref(item) for item in books.items[:20]}
    assert {entry.because for entry in answer.suggestions} == {BecausePopular()}
    assert answer.themes == []


async def test_every_type_gets_its_amount_in_the_order_of_the_request() -> None:
    library = Library(*(FakeDataset(item_type, items(["Drama"], 30)) for item_type in (BOOK, SHOW, ANIME)))
    await library.models.read_votes()
    answer = await library.suggest(types=[ANIME, BOOK], amount=3)
    assert [entry.item.type for entry in answer.suggestions] == [ANIME] * 3 + [BOOK] * 3


async def test_a_neighbour_of_a_marked_item_is_suggested_because_of_that_item() -> None:
    books, shows = FakeDataset(BOOK, items(["Drama"], 300)), FakeDataset(SHOW, items(["War"], 300))
    library = Library(books, shows)
    await library.train({ref(books.items[250]): [ref(shows.items[260])]})
    library.mark(books.items[250])
    answer = await library.suggest(types=[SHOW])
    assert suggested(answer)[0] == ref(shows.items[260])
    assert answer.suggestions[0].because == BecauseOfItems([books.items[250]])


async def test_a_theme_that_is_a_reason_has_the_counts_of_the_users_marks() -> None:
    books, shows = FakeDataset(BOOK, items(["War"], 9)), FakeDataset(SHOW, items(["War"], 20) + items(["Drama"], 180))
    library = Library(books, shows)
    await library.models.read_votes()
    library.mark(*books.items[:4])
    library.mark(*books.items[4:6], liked=False)
    war = ThemePoints("War", 14, seen=2, liked=4)
    answer = await library.suggest(types=[SHOW])
    assert war in {entry.because for entry in answer.suggestions}
    assert answer.themes == [war]


async def test_a_new_mark_counts_in_the_next_request() -> None:
    books, shows = FakeDataset(BOOK, items(["Drama"], 300)), FakeDataset(SHOW, items(["War"], 300))
    library = Library(books, shows)
    await library.train({ref(books.items[250]): [ref(shows.items[260])]})
    before = await library.suggest(types=[SHOW])
    library.mark(books.items[250])
    after = await library.suggest(types=[SHOW])
    assert ref(shows.items[260]) not in suggested(before)
    assert ref(shows.items[260]) in suggested(after)


async def test_marked_and_not_interesting_items_are_never_suggested() -> None:
    books = FakeDataset(BOOK, items(["Drama"], 60))
    library = Library(books)
    await library.models.read_votes()
    library.mark(*books.items[:20])
    library.accounts.marks |= {ref(item) for item in books.items[20:50]}  # not interested
    answer = await library.suggest(amount=10)
    assert set(suggested(answer)) == {ref(item) for item in books.items[50:]}


async def test_items_with_older_marks_than_are_read_are_not_suggested_either() -> None:
    books = FakeDataset(BOOK, items(["Drama"], 450))
    library = Library(books)
    await library.train({})
    library.mark(*books.items[:180], *books.items[200:420])
    library.accounts.points = {"Drama": 1200}
    answer = await library.suggest(amount=15)
    assert set(suggested(answer)) <= {ref(item) for item in books.items[180:200]}
    assert len(answer.suggestions) == 15


async def test_counts_of_themes_include_marks_that_are_not_read() -> None:
    books, shows = FakeDataset(BOOK, items(["War"], 250)), FakeDataset(SHOW, items(["War"], 20) + items(["Drama"], 180))
    library = Library(books, shows)
    await library.models.read_votes()
    library.mark(*books.items)
    library.accounts.points = {"War": 750}
    answer = await library.suggest(types=[SHOW])
    assert [entry.points for entry in answer.themes] == [750]


async def test_a_deleted_item_is_skipped_and_the_next_best_is_suggested() -> None:
    books = FakeDataset(BOOK, items(["Drama"], 60))
    library = Library(books)
    await library.train({})
    kept = books.items[10:]
    books.items = kept
    answer = await library.suggest(amount=10)
    assert len(answer.suggestions) == 10
    assert set(suggested(answer)) <= {ref(item) for item in kept}


async def test_a_reason_leaves_out_deleted_items() -> None:
    books, shows = FakeDataset(BOOK, items(["Drama"], 30)), FakeDataset(SHOW, items(["War"], 300))
    library = Library(books, shows)
    first, second = books.items[:2]
    await library.train({ref(first): [ref(shows.items[260])], ref(second): [ref(shows.items[260])]})
    library.mark(first, second)
    books.items = books.items[1:]
    answer = await library.suggest(types=[SHOW])
    assert answer.suggestions[0].because == BecauseOfItems([second])


async def test_excluded_items_are_left_out_and_the_next_best_follow() -> None:
    library = Library(FakeDataset(BOOK, items(["Drama"], 60)))
    await library.models.read_votes()
    first = await library.suggest()
    second = await library.suggest(exclude=[entry.item for entry in first.suggestions])  # type: ignore[misc]
    assert len(second.suggestions) == 5
    assert not set(suggested(first)) & set(suggested(second))


async def test_likes_count_like_marks_without_an_account() -> None:
    books, shows = FakeDataset(BOOK, items(["Drama"], 300)), FakeDataset(SHOW, items(["War"], 300))
    library = Library(books, shows)
    await library.train({ref(books.items[250]): [ref(shows.items[260])]})
    answer = await library.suggest(subject="", types=[SHOW], likes=[books.items[250]])
    assert answer.suggestions[0].because == BecauseOfItems([books.items[250]])
    assert not library.accounts.calls


async def test_a_like_on_a_seen_item_counts_as_seen_and_liked() -> None:
    books, shows = FakeDataset(BOOK, items(["War"], 9)), FakeDataset(SHOW, items(["War"], 20) + items(["Drama"], 180))
    library = Library(books, shows)
    await library.models.read_votes()
    library.mark(*books.items[:3], liked=False)
    answer = await library.suggest(types=[SHOW], likes=books.items[2:5])
    assert answer.themes == [ThemePoints("War", 12, seen=3, liked=3)]


async def test_the_same_seed_gives_the_same_suggestions_and_another_seed_gives_others() -> None:
    library = Library(FakeDataset(BOOK, items(["Drama"], 60)))
    await library.models.read_votes()
    first, again, *others = [await library.suggest(seed=seed) for seed in (7, 7, 8, 9, 10)]
    assert first == again
    assert any(suggested(other) != suggested(first) for other in others)


async def test_a_dataset_that_is_down_is_missing_and_the_others_answer() -> None:
    books, shows = FakeDataset(BOOK, items(["Drama"], 30)), FakeDataset(SHOW, items(["War"], 30))
    library = Library(books, shows)
    await library.models.read_votes()
    shows.down = True
    answer = await library.suggest()
    assert answer.missing == [SHOW]
    assert {entry.item.type for entry in answer.suggestions} == {BOOK}


async def test_a_dataset_that_has_never_answered_is_missing() -> None:
    books, shows = FakeDataset(BOOK, items(["Drama"], 30)), FakeDataset(SHOW, items(["War"], 30))
    library = Library(books, shows)
    shows.down = True
    await library.models.read_votes()
    assert (await library.suggest()).missing == [SHOW]


async def test_suggestions_are_unavailable_if_no_requested_dataset_answers() -> None:
    books, shows = FakeDataset(BOOK, items(["Drama"], 30)), FakeDataset(SHOW, items(["War"], 30))
    library = Library(books, shows)
    await library.models.read_votes()
    shows.down = True
    with pytest.raises(Unavailable):
        await library.suggest(types=[SHOW])


async def test_usually_it_takes_one_call_of_the_account_service_and_one_per_dataset() -> None:
    datasets = [FakeDataset(item_type, items(["Drama"], 300)) for item_type in (BOOK, SHOW, ANIME)]
    library = Library(*datasets)
    await library.train({})
    library.mark(*datasets[0].items[:50], *datasets[1].items[:50])
    await library.suggest(amount=10)
    assert [dict(dataset.calls) for dataset in datasets] == [{"batch_get": 1}] * 3
    assert library.accounts.calls == {"recent_marks": 1}


async def test_with_more_marks_than_are_read_the_best_items_are_looked_up_among_all() -> None:
    books = FakeDataset(BOOK, items(["Drama"], 500))
    library = Library(books)
    await library.train({})
    library.mark(*books.items[:180], *books.items[200:420])
    await library.suggest(amount=10)
    assert library.accounts.calls == {"recent_marks": 1, "filter_marked": 2, "top_themes": 1}
