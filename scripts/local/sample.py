"""Loads the sample library into datasets that are empty."""

from scripts.local import child_process
from scripts.local.probes import NO_PROXY
from scripts.local.state import SuiteError
from scripts.local.suite import Dataset, Suite


async def load_if_empty(suite: Suite, dataset: Dataset, address: str) -> None:
    """Also completes a load that was cut off. `address` is that of the dataset's running service."""
    # Exists while the sample is being loaded, so also after a load was cut off.
    marker = suite.folder / "mongo" / f"{dataset.name}-sample.begun"
    if marker.exists() or await _count(dataset, address) == 0:
        marker.touch()
        log = suite.log(f"{dataset.name}-sample")
        await child_process.run(suite.sample_loader(dataset), log, f"the loader of {dataset.name}'s sample")
        marker.unlink()


async def _count(dataset: Dataset, address: str) -> int:
    from grpc import aio

    from seen.v1 import catalog_pb2, catalog_pb2_grpc

    async with aio.insecure_channel(address, options=NO_PROXY) as channel:
        try:
            answer = await catalog_pb2_grpc.CatalogStub(channel).CountItems(catalog_pb2.CountItemsRequest(), timeout=10)
        except aio.AioRpcError as error:
            raise SuiteError(f"{dataset.name} cannot count its items: {error.details()}") from None
    return int(answer.count)
