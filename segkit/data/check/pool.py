"""Looks at every picture of several data sets, in as many processes as are asked for."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from segkit.base.errors import DataError
from segkit.data.check.look import Look, SplitLooks, look_at
from segkit.data.dataset import Dataset

_FEW = 64  # pictures that are looked at sooner than another process starts
_CHUNK = 16  # pictures handed to a process at a time


def look_at_all(
    datasets: Mapping[str, Dataset], *, workers: int, progress: Callable[[int, int], None]
) -> list[SplitLooks]:
    """The looks at the pictures of each data set, by its name.

    `workers` are processes, of which one or none is this one; `progress` is called with how many pictures are done, of
    how many. Raises DataError where a process is ended from outside.
    """
    tasks = [(name, index) for name, dataset in datasets.items() for index in range(len(dataset))]
    looks: dict[str, list[Look]] = {name: [] for name in datasets}
    for done, ((name, _), look) in enumerate(zip(tasks, _looks(datasets, tasks, workers), strict=True), 1):
        looks[name].append(look)
        progress(done, len(tasks))
    return [SplitLooks(name, dataset, looks[name]) for name, dataset in datasets.items()]


def _looks(datasets: Mapping[str, Dataset], tasks: list[tuple[str, int]], workers: int) -> Iterator[Look]:
    if workers <= 1 or len(tasks) <= _FEW:
        for name, index in tasks:
            yield look_at(datasets[name], index)
        return
    # Not forked: a copy of a process with threads (progress, torch) may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start, initargs=(dict(datasets),)) as pool:
        try:
            yield from pool.map(_look, tasks, chunksize=_CHUNK)
        except BrokenProcessPool:
            raise DataError(
                "a process that read pictures was ended from outside, as by a lack of memory: use --workers 1"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_opened: dict[str, Dataset] = {}
"""In a process of the pool: the data sets, sent once rather than with every task."""


def _start(datasets: dict[str, Dataset]) -> None:
    _opened.update(datasets)


def _look(task: tuple[str, int]) -> Look:
    name, index = task
    return look_at(_opened[name], index)
