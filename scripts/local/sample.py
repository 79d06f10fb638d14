"""The sample library, loaded into datasets that are empty."""

from pathlib import Path

from scripts.local import children
from scripts.local.children import StartFailed
from scripts.local.probes import NO_PROXY
from scripts.local.suite import Dataset, Suite


async def is_wanted(suite: Suite, dataset: Dataset, address: str) -> bool:
    """Whether the dataset has no items, or a load of the sample was cut off. Asks the dataset's running service."""
    import grpc

    from seen.v1 import catalog_pb2, catalog_pb2_grpc

    if _begun(suite, dataset).exists():
        return True
    async with grpc.aio.insecure_channel(address, options=NO_PROXY) as channel:
        try:
            answer = await catalog_pb2_grpc.CatalogStub(channel).CountItems(catalog_pb2.CountItemsRequest(), timeout=10)
        except grpc.aio.AioRpcError as error:
            raise StartFailed(f"{dataset.name} cannot count its items: {error.details()}") from None
    return answer.count == 0


async def load(suite: Suite, dataset: Dataset) -> None:
    """Raises StartFailed where the loader fails."""
    begun = _begun(suite, dataset)
    begun.touch()
    log = suite.log(f"{dataset.name}-sample")
    await children.run_to_end(suite.loader(dataset), log, f"the loader of {dataset.name}'s sample")
    begun.unlink()


def _begun(suite: Suite, dataset: Dataset) -> Path:
    """There while a load has begun and not ended: running it again completes it."""
    return suite.folder / "mongo" / f"{dataset.name}-sample.begun"
