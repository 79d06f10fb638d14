from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from seen.v1.types_pb2 import ANIME, BOOK, SHOW, ItemRef, ItemType
from services.common.errors import InvalidArgument, Unavailable
from services.library.accounts import Accounts
from services.library.datasets import Datasets
from services.library.suggestions import Suggestions, suggest
from tests.unit.library.fakes import FakeAccounts, FakeDataset


def some(category: Sequence[str], how_many: int) -> list[tuple[str, Sequence[str]]]:
    return [(f"{'/'.join(category)} {number}", category) for number in range(how_many)]


async def suggestions(
    datasets: Iterable[FakeDataset],
    accounts: FakeAccounts,
    subject: str = "auth0|ana",
    types: Sequence[ItemType] = (),
    amount: int = 5,
) -> Suggestions:
    known = Datasets(cast(Any, list(datasets)))
    return await suggest(known, cast(Accounts, accounts), subject, types, amount)


async def test_a_reader_of_fantasy_gets_fantasy_of_every_type() -> None:
    datasets = [FakeDataset(of, some(["Fantasy"], 9) + some(["War"], 50)) for of in (BOOK, SHOW, ANIME)]
    answer = await suggestions(datasets, FakeAccounts({"Fantasy": 4}))
    assert [entry.category for entry in answer.categories] == ["Fantasy"]
    assert Counter(entry.item.type for entry in answer.suggestions) == {BOOK: 5, SHOW: 5, ANIME: 5}
    assert {entry.because for entry in answer.suggestions} == {"Fantasy"}
    assert all("Fantasy" in entry.item.category for entry in answer.suggestions)


async def test_metrics_tell_of_what_nothing_could_be_suggested() -> None:
    def counted() -> dict[tuple[str, str], float]:
        return {
            (of, result): REGISTRY.get_sample_value("seen_suggestions_total", {"type": of, "result": result}) or 0
            for of in ("BOOK", "SHOW")
            for result in ("some", "empty")
        }

    before = counted()
    await suggestions([FakeDataset(BOOK, some(["A"], 9)), FakeDataset(SHOW, some(["B"], 9))], FakeAccounts({"A": 1}))
    after = counted()
    assert {key for key in after if after[key] > before[key]} == {("BOOK", "some"), ("SHOW", "empty")}


async def test_the_three_categories_with_most_points_are_chosen_ties_in_alphabetical_order() -> None:
    dataset = FakeDataset(BOOK, some(["A", "B", "C", "D"], 40))
    answer = await suggestions([dataset], FakeAccounts({"D": 2, "C": 2, "B": 2, "A": 1}))
    assert [(entry.category, entry.points) for entry in answer.categories] == [("B", 2), ("C", 2), ("D", 2)]


async def test_a_category_that_a_type_does_not_have_makes_room_for_the_next_one() -> None:
    datasets = [FakeDataset(BOOK, some(["A", "B", "C", "D"], 90)), FakeDataset(SHOW, some(["A", "D"], 40))]
    answer = await suggestions(datasets, FakeAccounts({"A": 9, "B": 8, "C": 7, "D": 6}))
    chosen = {of: {entry.because for entry in answer.suggestions if entry.item.type == of} for of in (BOOK, SHOW)}
    assert chosen == {BOOK: {"A", "B", "C"}, SHOW: {"A", "D"}}
    assert [entry.category for entry in answer.categories] == ["A", "B", "C", "D"]


async def test_a_category_whose_items_are_all_marked_keeps_its_place() -> None:
    dataset = FakeDataset(BOOK, some(["A"], 2) + some(["B"], 9) + some(["C"], 9) + some(["D"], 9))
    marked = [ItemRef(type=BOOK, id=item.id) for item in dataset.items if "A" in item.category]
    answer = await suggestions([dataset], FakeAccounts({"A": 8, "B": 3, "C": 2, "D": 1}, marked))
    assert [entry.category for entry in answer.categories] == ["A", "B", "C"]
    assert {entry.because for entry in answer.suggestions} == {"B", "C"}


async def test_a_person_whose_categories_a_type_does_not_have_gets_nothing_of_it() -> None:
    answer = await suggestions([FakeDataset(SHOW, some(["War"], 9))], FakeAccounts({"Fiction": 4}))
    assert (list(answer.categories), list(answer.suggestions)) == ([], [])


async def test_an_item_in_two_chosen_categories_comes_once_and_each_category_still_gets_its_amount() -> None:
    dataset = FakeDataset(BOOK, some(["Drama", "War"], 10))
    answer = await suggestions([dataset], FakeAccounts({"Drama": 9, "War": 9}))
    assert Counter(entry.because for entry in answer.suggestions) == {"Drama": 5, "War": 5}
    assert len({entry.item.id for entry in answer.suggestions}) == 10


async def test_a_small_category_is_not_emptied_by_a_large_one() -> None:
    for seed in range(20):
        dataset = FakeDataset(BOOK, some(["Drama", "War"], 5) + some(["Drama"], 200), seed)
        answer = await suggestions([dataset], FakeAccounts({"Drama": 9, "War": 1}))
        assert Counter(entry.because for entry in answer.suggestions) == {"Drama": 5, "War": 5}


async def test_what_is_marked_is_never_suggested_however_much_is() -> None:
    dataset = FakeDataset(SHOW, some(["Drama"], 900))
    unmarked = {item.id for item in dataset.items[::300]}
    marked = [ItemRef(type=SHOW, id=item.id) for item in dataset.items if item.id not in unmarked]
    answer = await suggestions([dataset], FakeAccounts({"Drama": 900}, marked))
    assert {entry.item.id for entry in answer.suggestions} == unmarked


async def test_the_number_of_items_looked_up_does_not_grow_with_the_dataset() -> None:
    accounts = FakeAccounts({"Drama": 1})
    await suggestions([FakeDataset(SHOW, some(["Drama"], 20_000))], accounts)
    assert accounts.asked_about <= 20


async def test_nobody_gets_a_sample_of_each_whole_dataset() -> None:
    answer = await suggestions([FakeDataset(BOOK, some(["War"], 30))], FakeAccounts(), subject="")
    assert not answer.categories
    assert [entry.because for entry in answer.suggestions] == [""] * 5


async def test_somebody_whose_only_mark_has_no_category_is_not_suggested_that_item() -> None:
    dataset = FakeDataset(BOOK, [("plain", ()), ("other", ())])
    plain = dataset.items[0]
    answer = await suggestions([dataset], FakeAccounts(marked=[ItemRef(type=BOOK, id=plain.id)]))
    assert [entry.item.name for entry in answer.suggestions] == ["other"]


async def test_only_the_types_asked_for_are_drawn_in_that_order() -> None:
    datasets = [FakeDataset(of, some(["War"], 9)) for of in (BOOK, SHOW, ANIME)]
    answer = await suggestions(datasets, FakeAccounts(), types=[ANIME, BOOK], amount=1)
    assert [entry.item.type for entry in answer.suggestions] == [ANIME, BOOK]


async def test_a_dataset_that_is_down_is_named_and_the_others_answer() -> None:
    datasets = [FakeDataset(of, some(["War"], 9)) for of in (BOOK, SHOW)]
    datasets[1].down = True
    answer = await suggestions(datasets, FakeAccounts())
    assert answer.missing == [SHOW]
    assert {entry.item.type for entry in answer.suggestions} == {BOOK}


async def test_with_every_dataset_down_there_is_no_answer() -> None:
    dataset = FakeDataset(BOOK, [])
    dataset.down = True
    with pytest.raises(Unavailable):
        await suggestions([dataset], FakeAccounts())


async def test_a_type_asked_for_twice_is_refused_by_the_name_of_its_field() -> None:
    with pytest.raises(InvalidArgument) as refused:
        await suggestions([FakeDataset(BOOK, [])], FakeAccounts(), types=[BOOK, BOOK])
    assert refused.value.field == "types"
