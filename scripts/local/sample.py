"""Loads the sample library into datasets that are empty."""

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from scripts.local import child_process
from scripts.local.state import SuiteError
from scripts.local.suite import DATABASE, Dataset, Suite

# Waits for the MongoDB servers, which start at the same time.
CONNECT_TIMEOUT_S = 120


async def load_if_empty(suite: Suite, dataset: Dataset) -> None:
    """Loads again if the last load did not finish."""
    # Exists from the start of a load to its end.
    marker = suite.folder / "mongo" / f"{dataset.name}-sample.begun"
    if marker.exists() or await _is_empty(suite, dataset):
        marker.touch()
        log = suite.log(f"{dataset.name}-sample")
        await child_process.run(suite.sample_loader(dataset), log, f"the loader of {dataset.name}'s sample")
        marker.unlink()


async def _is_empty(suite: Suite, dataset: Dataset) -> bool:
    """Whether no shard has an item."""
    try:
        for uri in suite.mongo_uris(dataset).split(","):
            client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
                uri, serverSelectionTimeoutMS=CONNECT_TIMEOUT_S * 1000
            )
            async with client:
                if await client[DATABASE][dataset.name].find_one({}, {"_id": 1}):
                    return False
    except PyMongoError as error:
        raise SuiteError(f"{dataset.name}'s items cannot be read: {error}") from None
    return True
