"""Looks at every picture of several data sets, in as many processes as are asked for."""

from collections.abc import Callable, Mapping

from segkit.data.check.look import Look, SplitLooks, look_at
from segkit.data.dataset import Dataset
from segkit.data.pool import spread


def look_at_all(
    datasets: Mapping[str, Dataset], *, workers: int, progress: Callable[[int, int], None]
) -> list[SplitLooks]:
    """The looks at the pictures of each data set, by its name.

    `workers` are processes, of which one or none is this one; `progress` is called with how many pictures are done, of
    how many. Raises DataError where a process is ended from outside.
    """
    tasks = [(name, index) for name, dataset in datasets.items() for index in range(len(dataset))]
    looks: dict[str, list[Look]] = {name: [] for name in datasets}
    found = spread(_look, dict(datasets), tasks, workers=workers)
    for done, ((name, _), look) in enumerate(zip(tasks, found, strict=True), 1):
        looks[name].append(look)
        progress(done, len(tasks))
    return [SplitLooks(name, dataset, looks[name]) for name, dataset in datasets.items()]


def _look(datasets: dict[str, Dataset], task: tuple[str, int]) -> Look:
    name, index = task
    return look_at(datasets[name], index)
