"""The "local ridge": for each item, a small ridge regression on the items that are most often marked together with it.

It gives the weights that a dense EASE (Steck 2019, "Embarrassingly Shallow Autoencoders") has for its strongest
neighbours, but needs no dense matrix of all items: the Gram matrix A = X'X is sparse. README.md describes X.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from services.taste.arrays import Floats, Indices, Ints, Rows

# The regression for an item has the NEAREST other items by a cosine, which SHRINKAGE lowers for items with few marks.
NEAREST, SHRINKAGE = 100, 10.0
RIDGE = 100.0
# The heaviest weights are kept: first of each regression, then of each source.
KEPT_PER_TARGET, KEPT_PER_SOURCE = 50, 100

TARGETS_PER_CHUNK = 250
# Up to this many bytes A is also kept as a dense matrix, from which a system is read four times as fast.
DENSE_BYTES = 420 << 20


@dataclass(frozen=True)
class GramMatrix:
    """A, symmetric: `pairs` without its diagonal, and the `diagonal`."""

    pairs: "csr_array[Any]"
    diagonal: Floats
    dense: Floats | None = None

    def select(self, items: Indices) -> "GramMatrix":
        pairs = self.pairs[items][:, items]
        dense = pairs.toarray() if pairs.dtype.itemsize * len(items) ** 2 <= DENSE_BYTES else None
        return GramMatrix(pairs, self.diagonal[items], dense)


# The matrix that forked processes share.
_gram: GramMatrix | None = None


def find_neighbours(gram: GramMatrix, processes: int, report: Callable[[float], None]) -> tuple[Rows, Floats]:
    """For each source, its heaviest targets and their weights, heaviest first.

    `report` is called with the share of the work that is done, up to 1. The processes are forked and share the matrix.
    Each uses one BLAS thread: more make small systems slower.
    """
    paired = np.flatnonzero(np.diff(gram.pairs.indptr))
    chunks = [
        (start, min(start + TARGETS_PER_CHUNK, len(paired))) for start in range(0, len(paired), TARGETS_PER_CHUNK)
    ]
    global _gram
    _gram = gram.select(paired)
    sources, targets, weights = [], [], []
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, context, initializer=_start_process, initargs=(os.getpid(),)) as pool:
            for number, (chunk_sources, chunk_targets, chunk_weights) in enumerate(pool.map(_solve_chunk, chunks)):
                sources.append(chunk_sources)
                targets.append(chunk_targets)
                weights.append(chunk_weights)
                report((number + 1) / len(chunks))
    finally:
        _gram = None
    if not chunks:
        return Rows.of([[]] * len(gram.diagonal)), np.zeros(0, np.float32)
    return _by_source(
        len(gram.diagonal),
        paired[np.concatenate(sources)].astype(np.int32),
        paired[np.concatenate(targets)].astype(np.int32),
        np.concatenate(weights),
    )


def _by_source(count: int, sources: Ints, targets: Ints, weights: Floats) -> tuple[Rows, Floats]:
    """The KEPT_PER_SOURCE heaviest targets of each source."""
    order = np.lexsort((-weights, sources))
    sources, targets, weights = sources[order], targets[order], weights[order]
    lengths = np.bincount(sources, minlength=count)
    rank = np.arange(len(sources)) - np.repeat(np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    kept = rank < KEPT_PER_SOURCE
    starts = np.concatenate(([0], np.cumsum(np.minimum(lengths, KEPT_PER_SOURCE)))).astype(np.int32)
    return Rows(starts, targets[kept].astype(np.int32)), weights[kept].astype(np.float32)


def solve(gram: GramMatrix, target: int) -> tuple[Ints, Floats]:
    """The sources of one target and their positive weights."""
    pairs, diagonal = gram.pairs, gram.diagonal
    begin, end = pairs.indptr[target], pairs.indptr[target + 1]
    sources, shared = pairs.indices[begin:end], pairs.data[begin:end]
    similarity = shared / (np.sqrt(diagonal[target] * diagonal[sources]) + SHRINKAGE)
    if len(sources) > NEAREST:
        nearest = np.sort(np.argpartition(-similarity, NEAREST)[:NEAREST])
        sources, shared = sources[nearest], shared[nearest]
    if not len(sources):
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    if gram.dense is None:
        system = pairs[sources][:, sources].toarray().astype(np.float64)
    else:
        system = gram.dense[np.ix_(sources, sources)].astype(np.float64)
    system[np.diag_indices(len(sources))] = diagonal[sources] + RIDGE
    # Solves by Cholesky. A may not be positive definite, because it lacks pairs that few people share; the ridge makes
    # that rare.
    _, solution, failed = lapack.dposv(system, shared.astype(np.float64))
    if failed:
        solution = np.linalg.lstsq(system, shared.astype(np.float64), rcond=None)[0]
    heaviest = np.argsort(-solution, kind="stable")[:KEPT_PER_TARGET]
    heaviest = heaviest[solution[heaviest] > 0]
    return sources[heaviest].astype(np.int32), solution[heaviest].astype(np.float32)


def _start_process(parent: int) -> None:
    threadpool_limits(1)
    threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()


def _exit_with(parent: int) -> None:
    """Ends this process if the training has been killed: then nothing else ends it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _solve_chunk(chunk: tuple[int, int]) -> tuple[Ints, Ints, Floats]:
    assert _gram is not None
    results = [solve(_gram, target) for target in range(*chunk)]
    targets = np.repeat(np.arange(*chunk, dtype=np.int32), [len(sources) for sources, _ in results])
    return np.concatenate([sources for sources, _ in results]), targets, np.concatenate([part for _, part in results])
