from services.library.datasets import Datasets
from services.library.marks import top_ten
from tests.unit.library.fakes import BOOK, FakeAccounts, FakeDataset, items, ref


async def test_the_top_ten_reads_twenty_items_only_if_some_are_deleted() -> None:
    dataset, accounts = FakeDataset(BOOK, items(["Drama"], 30)), FakeAccounts()
    accounts.likes = [(ref(item), 30 - number) for number, item in enumerate(dataset.items)]
    for deleted, batches in ((0, 1), (3, 2)):
        del dataset.items[:deleted]
        top = await top_ten(Datasets([dataset]), accounts, BOOK)
        assert [item.id for item, _ in top] == [item.id for item in dataset.items[:10]]
        assert dataset.new_calls() == {"batch_get": batches}
