"""Work on many pictures, spread over processes."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from segkit.base.errors import DataError

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")

FEW = 32
"""Tasks that are done sooner than another process starts."""
_CHUNK = 16  # tasks handed to a process at a time


def spread(
    function: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task], *, workers: int
) -> Iterator[Result]:
    """`function(shared, task)` for each task, in their order; `shared` is sent to each process once.

    `workers` are processes, of which one or none is this one. Function, tasks and results have to be fit to be sent.
    Raises DataError where a process is ended from outside.
    """
    if workers <= 1 or len(tasks) <= FEW:
        for task in tasks:
            yield function(shared, task)
        return
    # Not forked: a copy of a process with threads (progress, torch) may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start, initargs=(function, shared)) as pool:
        try:
            yield from pool.map(_work, tasks, chunksize=_CHUNK)
        except BrokenProcessPool:
            raise DataError(
                "a process that read pictures was ended from outside, as by a lack of memory: close other programs"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_given: list[Any] = []
"""In a process of the pool: the function and what is shared."""


def _start(*given: Any) -> None:
    _given[:] = given


def _work(task: Any) -> Any:
    function, shared = _given
    return function(shared, task)
