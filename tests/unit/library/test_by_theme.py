"""Strategy "categories": which themes and items are chosen, and how many calls of other services that takes."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from prometheus_client import REGISTRY

from services.common.errors import InvalidArgument, Unavailable
from services.library.datasets import Datasets
from services.library.domain import ThemePoints
from services.library.suggestions.models import Models
from services.library.suggestions.request import Request, Suggestion, Suggestions
from services.library.suggestions.suggester import Strategy, Suggester
from services.taste.domain import ItemRef, Mark
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


async def suggestions(
    datasets: Iterable[FakeDataset],
    accounts: FakeAccounts,
    subject: str = "auth0|ana",
    types: Sequence[int] = (),
    amount: int = 5,
    seed: int = 1,
    exclude: Sequence[ItemRef] = (),
    likes: Sequence[ItemRef] = (),
) -> Suggestions:
    by_type = Datasets(datasets)
    models = Models(FakeModelSource(), by_type, check_interval_s=1, votes_interval_s=1)
    request = Request(subject, types, amount, seed, exclude, likes)
    return await Suggester(by_type, accounts, models).suggest(Strategy.CATEGORIES, request)


def theme(suggestion: Suggestion) -> str:
    """The theme that is the reason; empty if there is none."""
    assert suggestion.because is None or isinstance(suggestion.because, ThemePoints)
    return suggestion.because.theme if suggestion.because else ""


async def test_a_reader_of_fantasy_gets_fantasy_of_every_type() -> None:
    datasets = [FakeDataset(item_type, items(["Fantasy"], 9) + items(["War"], 50)) for item_type in (BOOK, SHOW, ANIME)]
    answer = await suggestions(datasets, FakeAccounts({"Fantasy": 4}))
    assert [entry.theme for entry in answer.themes] == ["Fantasy"]
    assert Counter(entry.item.type for entry in answer.suggestions) == {BOOK: 5, SHOW: 5, ANIME: 5}
    assert {theme(entry) for entry in answer.suggestions} == {"Fantasy"}
    assert all("Fantasy" in entry.item.category for entry in answer.suggestions)


async def test_metrics_count_types_without_suggestions() -> None:
    def labels(name: str, result: str) -> dict[str, str]:
        return {"type": name, "strategy": "categories", "result": result}

    def counts() -> dict[tuple[str, str], float]:
        return {
            (name, result): REGISTRY.get_sample_value("seen_suggestions_total", labels(name, result)) or 0
            for name in ("BOOK", "SHOW")
            for result in ("some", "empty")
        }

    before = counts()
    await suggestions([FakeDataset(BOOK, items(["A"], 9)), FakeDataset(SHOW, items(["B"], 9))], FakeAccounts({"A": 1}))
    after = counts()
    assert {key for key in after if after[key] > before[key]} == {("BOOK", "some"), ("SHOW", "empty")}


async def test_the_three_themes_with_most_points_are_chosen() -> None:
    dataset = FakeDataset(BOOK, items(["A", "B", "C", "D"], 40))
    answer = await suggestions([dataset], FakeAccounts({"D": 2, "C": 2, "B": 2, "A": 1}))
    assert [(entry.theme, entry.points) for entry in answer.themes] == [("B", 2), ("C", 2), ("D", 2)]


async def test_a_theme_without_items_of_a_type_is_replaced_by_the_next_theme() -> None:
    datasets = [FakeDataset(BOOK, items(["A", "B", "C", "D"], 90)), FakeDataset(SHOW, items(["A", "D"], 40))]
    answer = await suggestions(datasets, FakeAccounts({"A": 9, "B": 8, "C": 7, "D": 6}))
    chosen = {
        item_type: {theme(entry) for entry in answer.suggestions if entry.item.type == item_type}
        for item_type in (BOOK, SHOW)
    }
    assert chosen == {BOOK: {"A", "B", "C"}, SHOW: {"A", "D"}}
    assert [entry.theme for entry in answer.themes] == ["A", "B", "C", "D"]


async def test_a_theme_whose_items_are_all_marked_is_not_replaced() -> None:
    dataset = FakeDataset(BOOK, items(["A"], 2) + items(["B"], 9) + items(["C"], 9) + items(["D"], 9))
    marked = [ref(item) for item in dataset.items if "A" in item.category]
    answer = await suggestions([dataset], FakeAccounts({"A": 8, "B": 3, "C": 2, "D": 1}, marked))
    assert [entry.theme for entry in answer.themes] == ["A", "B", "C"]
    assert {theme(entry) for entry in answer.suggestions} == {"B", "C"}


async def test_a_type_without_items_of_the_users_themes_gets_no_suggestions() -> None:
    answer = await suggestions([FakeDataset(SHOW, items(["War"], 9))], FakeAccounts({"Fiction": 4}))
    assert (list(answer.themes), list(answer.suggestions)) == ([], [])


async def test_an_item_of_two_chosen_themes_is_suggested_once_and_both_get_their_amount() -> None:
    dataset = FakeDataset(BOOK, items(["Drama", "War"], 10))
    answer = await suggestions([dataset], FakeAccounts({"Drama": 9, "War": 9}))
    assert Counter(theme(entry) for entry in answer.suggestions) == {"Drama": 5, "War": 5}
    assert len({entry.item.id for entry in answer.suggestions}) == 10


async def test_a_small_theme_gets_its_amount_beside_a_large_theme() -> None:
    dataset = FakeDataset(BOOK, items(["Drama", "War"], 5) + items(["Drama"], 200))
    for seed in range(20):
        answer = await suggestions([dataset], FakeAccounts({"Drama": 9, "War": 1}), seed=seed)
        assert Counter(theme(entry) for entry in answer.suggestions) == {"Drama": 5, "War": 5}


async def test_marked_items_are_never_suggested_even_if_nearly_all_are_marked() -> None:
    dataset = FakeDataset(SHOW, items(["Drama"], 900))
    unmarked = {item.id for item in dataset.items[::300]}
    marked = [ref(item) for item in dataset.items if item.id not in unmarked]
    answer = await suggestions([dataset], FakeAccounts({"Drama": 900}, marked))
    assert {entry.item.id for entry in answer.suggestions} == unmarked


async def test_the_number_of_items_looked_up_does_not_grow_with_the_dataset() -> None:
    accounts = FakeAccounts({"Drama": 1})
    await suggestions([FakeDataset(SHOW, items(["Drama"], 20_000))], accounts)
    assert accounts.looked_up <= 20


async def test_without_a_subject_whole_datasets_are_sampled() -> None:
    answer = await suggestions([FakeDataset(BOOK, items(["War"], 30))], FakeAccounts(), subject="")
    assert not answer.themes
    assert [theme(entry) for entry in answer.suggestions] == [""] * 5


async def test_a_marked_item_without_categories_is_not_suggested() -> None:
    dataset = FakeDataset(BOOK, [("plain", ()), ("other", ())])
    plain = dataset.items[0]
    answer = await suggestions([dataset], FakeAccounts(marked=[ref(plain)]))
    assert [entry.item.name for entry in answer.suggestions if isinstance(entry.item, FakeItem)] == ["other"]


async def test_suggestions_follow_the_order_of_the_requested_types() -> None:
    datasets = [FakeDataset(item_type, items(["War"], 9)) for item_type in (BOOK, SHOW, ANIME)]
    answer = await suggestions(datasets, FakeAccounts(), types=[ANIME, BOOK], amount=1)
    assert [entry.item.type for entry in answer.suggestions] == [ANIME, BOOK]


async def test_a_dataset_that_is_down_is_reported_as_missing_and_the_others_answer() -> None:
    datasets = [FakeDataset(item_type, items(["War"], 9)) for item_type in (BOOK, SHOW)]
    datasets[1].down = True
    answer = await suggestions(datasets, FakeAccounts())
    assert answer.missing == [SHOW]
    assert {entry.item.type for entry in answer.suggestions} == {BOOK}


async def test_suggestions_are_unavailable_if_every_dataset_is_down() -> None:
    dataset = FakeDataset(BOOK, [])
    dataset.down = True
    with pytest.raises(Unavailable):
        await suggestions([dataset], FakeAccounts())


async def test_a_type_requested_twice_is_refused_and_the_error_names_the_field() -> None:
    with pytest.raises(InvalidArgument) as refused:
        await suggestions([FakeDataset(BOOK, [])], FakeAccounts(), types=[BOOK, BOOK])
    assert refused.value.field == "types"


async def test_the_same_seed_gives_the_same_suggestions_and_another_seed_gives_others() -> None:
    dataset, accounts = FakeDataset(BOOK, items(["Drama"], 900)), FakeAccounts({"Drama": 1})
    first, again, other = [await suggestions([dataset], accounts, seed=seed) for seed in (7, 7, 8)]
    assert first == again
    assert first != other


async def test_excluded_items_are_left_out() -> None:
    dataset = FakeDataset(BOOK, items(["Drama"], 8))
    excluded = [ref(item) for item in dataset.items[:6]]
    answer = await suggestions([dataset], FakeAccounts(), subject="", exclude=excluded)
    assert {entry.item.id for entry in answer.suggestions} == {item.id for item in dataset.items[6:]}


async def test_liked_items_give_their_themes_three_points_without_an_account() -> None:
    dataset, accounts = FakeDataset(BOOK, items(["Drama"], 9) + items(["War"], 9)), FakeAccounts()
    liked = [ref(item) for item in dataset.items[:2]]
    answer = await suggestions([dataset], accounts, subject="", likes=liked)
    assert answer.themes == [ThemePoints("Drama", 6, seen=0, liked=2)]
    assert not {entry.item.id for entry in answer.suggestions} & {item.id for item in dataset.items[:2]}
    assert not accounts.calls


async def test_a_like_that_is_named_twice_counts_once() -> None:
    dataset = FakeDataset(BOOK, items(["Drama"], 9))
    liked = ref(dataset.items[0])
    answer = await suggestions([dataset], FakeAccounts(), subject="", likes=[liked, liked])
    assert answer.themes == [ThemePoints("Drama", 3, seen=0, liked=1)]


async def test_the_users_marks_and_the_requests_likes_both_count() -> None:
    dataset = FakeDataset(BOOK, items(["Drama"], 9) + items(["War"], 9))
    answer = await suggestions([dataset], FakeAccounts({"War": 2}), likes=[ref(dataset.items[0])])
    assert answer.themes == [ThemePoints("Drama", 3, seen=0, liked=1), ThemePoints("War", 2, seen=2, liked=0)]


async def test_a_like_that_the_user_has_liked_already_counts_once() -> None:
    dataset, accounts = FakeDataset(BOOK, items(["Drama"], 9)), FakeAccounts({"Drama": 3})
    liked = ref(dataset.items[0])
    accounts.recent = [Mark(liked, seen=False, liked=True, category=["Drama"], themes=["Drama"])]
    answer = await suggestions([dataset], accounts, likes=[liked])
    assert answer.themes == [ThemePoints("Drama", 3, seen=3, liked=0)]


@pytest.mark.parametrize("field", ["likes", "exclude"])
@pytest.mark.parametrize(
    ("unknown", "part"), [(ItemRef(BOOK, "f" * 24), "id"), (ItemRef(ANIME, "0" * 24), "type"), (ItemRef(0, ""), "type")]
)
async def test_an_error_names_the_place_of_an_item_that_does_not_exist(field: str, unknown: ItemRef, part: str) -> None:
    dataset, accounts = FakeDataset(BOOK, items(["Drama"], 9)), FakeAccounts()
    with pytest.raises(InvalidArgument) as refused:
        await suggestions([dataset], accounts, **{field: [ref(dataset.items[0]), unknown]})  # type: ignore[arg-type]
    assert refused.value.field == f"{field}.1.{part}"
    assert not accounts.calls


async def test_a_like_whose_dataset_is_down_is_reported_as_missing() -> None:
    book, show = FakeDataset(BOOK, items(["Drama"], 9)), FakeDataset(SHOW, items(["Drama"], 9))
    show.down = True
    answer = await suggestions([book, show], FakeAccounts(), types=[BOOK], likes=[ref(show.items[0])])
    assert answer.missing == [SHOW]
    assert len(answer.suggestions) == 5


async def test_suggestions_are_one_sample_per_dataset_and_one_look_up_of_marks() -> None:
    datasets = [FakeDataset(item_type, items(["A", "B", "C"], 90)) for item_type in (BOOK, SHOW, ANIME)]
    accounts = FakeAccounts({"A": 3, "B": 2, "C": 1})
    answer = await suggestions(datasets, accounts)
    assert len(answer.suggestions) == 45
    assert [dataset.new_calls() for dataset in datasets] == [{"sample": 1}] * 3
    assert accounts.calls == {"top_themes": 1, "filter_marked": 1}


async def test_themes_without_items_take_no_further_sample() -> None:
    dataset = FakeDataset(SHOW, items(["E"], 90))
    answer = await suggestions([dataset], FakeAccounts(dict.fromkeys("ABCDE", 1)))
    assert len(answer.suggestions) == 5
    assert dataset.new_calls() == {"sample": 1}


async def test_only_datasets_that_lack_suggestions_are_sampled_again_and_no_item_is_looked_up_twice() -> None:
    marked, unmarked = FakeDataset(BOOK, items(["Drama"], 30)), FakeDataset(SHOW, items(["Drama"], 30))
    accounts = FakeAccounts({"Drama": 1}, map(ref, marked.items[:29]))
    await suggestions([marked, unmarked], accounts)
    assert (marked.new_calls(), unmarked.new_calls()) == ({"sample": 2}, {"sample": 1})
    assert accounts.calls["filter_marked"] == 2
    assert accounts.looked_up == 30 + 8


async def test_suggestions_without_a_user_need_only_the_datasets() -> None:
    datasets, accounts = (
        [FakeDataset(item_type, items(["Drama"], 90)) for item_type in (BOOK, SHOW, ANIME)],
        FakeAccounts(),
    )
    await suggestions(datasets, accounts, subject="")
    assert [dataset.new_calls() for dataset in datasets] == [{"sample": 1}] * 3
    assert not accounts.calls
