"""Rare classes seen as often as common ones: every second sample is of a class drawn evenly, cut where it is.

The other half stays as the data set is. After the class uniform sampling of https://arxiv.org/abs/1812.01593.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.base.machine import available_cores
from segkit.data.dataset import Dataset
from segkit.data.pairs import PairedFiles
from segkit.data.transforms import Transform


def pictures_by_class(dataset: Dataset, *, skip: bool = False) -> tuple[np.ndarray, ...]:
    """The places of the pictures that hold each class, int64, by reading every label map.

    Raises DataError for one that is broken, unless `skip`s it.
    """

    def held(index: int) -> np.ndarray:
        try:
            label = dataset.label(index) if isinstance(dataset, PairedFiles) else dataset[index].label
        except DataError:
            if not skip:
                raise
            return np.empty(0, np.uint8)
        return np.unique(label[label != IGNORE])

    with ThreadPoolExecutor(available_cores()) as readers:
        values = list(readers.map(held, range(len(dataset))))
    found = [[place for place, some in enumerate(values) if number in some] for number in range(len(dataset.classes))]
    return tuple(np.array(places, np.int64) for places in found)


@dataclass(frozen=True)
class Oversampling:
    """For each class the places of the `pictures` that hold it, and what cuts them where it is."""

    pictures: Sequence[np.ndarray]
    cuts: Sequence[Transform]

    def draw(self, seed: int, number: int) -> tuple[Iterator[int], Transform]:
        """The place of the picture of a sample, and of those in its stead where it cannot be read, and what cuts it."""
        generator = np.random.default_rng([seed, number, 1])
        wanted = int(generator.choice([number for number, places in enumerate(self.pictures) if len(places)]))
        places = self.pictures[wanted]
        first = int(generator.integers(len(places)))
        return (int(places[(first + ahead) % len(places)]) for ahead in range(len(places))), self.cuts[wanted]
