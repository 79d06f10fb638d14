"""Which layer a sample of a call stack counts for."""

import itertools

import pytest

from load.benchmarks.http.profile import LAYERS, NO_LAYER, REST, by_layer
from scripts.local.suite import ROOT

LOOP = "thread (1): MainThread;run (services/common/process.py:34);Runner.run (asyncio/runners.py:118)"
GATEWAY = f"{LOOP};App.__call__ (services/gateway/http/app.py:92)"


@pytest.mark.parametrize(
    ("stack", "layer"),
    [
        (LOOP, REST),
        ("thread (1): MainThread;main (services/library/__main__.py:12);run (services/common/process.py:34)", REST),
        (GATEWAY, "HTTP"),
        (f"{GATEWAY};_record (services/gateway/http/app.py:185);Logger.log (logging/__init__.py:1559)", "log lines"),
        (f"{LOOP};Shard.get (services/catalog/store/shard.py:108)", "rules"),
        (
            f"{LOOP};Shard.get (services/catalog/store/shard.py:108);find_one (pymongo/collection.py:1);x (ssl.py:1)",
            "pymongo",
        ),
        (f"{LOOP};handle (services/common/server.py:150);timeout (asyncio/timeouts.py:1)", "calls"),
    ],
)
def test_the_innermost_frame_of_a_layer_counts(stack: str, layer: str) -> None:
    assert by_layer([f"{stack} 3"]) == {layer: 3}


def test_other_threads_are_left_out() -> None:
    assert not by_layer(["thread (2): read_0;_worker (concurrent/futures/thread.py:81) 9"])


def test_the_modules_of_the_layers_exist() -> None:
    beginnings = [*itertools.chain.from_iterable(LAYERS.values()), *NO_LAYER]
    own = [beginning for beginning in beginnings if beginning.startswith("services/")]
    assert [beginning for beginning in own if not (ROOT / beginning).exists()] == []
