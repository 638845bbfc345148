"""What a data set is: pictures with label maps, class names and a palette."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import Palette


class Sample(NamedTuple):
    """A picture, uint8 (H, W, 3) RGB, its label map, uint8 (H, W) with IGNORE, and its name in messages."""

    image: np.ndarray
    label: np.ndarray
    name: str


def check_sizes(sample: Sample) -> None:
    """Raise DataError if the label map is of another size than its picture."""
    (height, width), (label_height, label_width) = sample.image.shape[:2], sample.label.shape
    if (height, width) != (label_height, label_width):
        raise DataError(
            f"the label of {sample.name} is {label_width}x{label_height} and its picture {width}x{height}: give the "
            "label the size of its picture"
        )


def evenly(total: int, count: int) -> list[int]:
    """Up to `count` places spread evenly over `total`, in order, both ends among them."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int)).tolist()


class Dataset(Protocol):
    """Any object with these is a data set."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the label values."""
        ...

    @property
    def palette(self) -> Palette:
        """A colour for each class."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """The name of each picture."""
        ...

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """The picture at `index` and its label map. Raises DataError if a file is missing or broken.

        Threads that read ahead call it at the same time.
        """
        ...


class FirstPictures:
    """The first pictures of a data set, at most so many."""

    def __init__(self, dataset: Dataset, limit: int) -> None:
        self.dataset = dataset
        self.classes, self.palette, self.ids = dataset.classes, dataset.palette, dataset.ids[:limit]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        return self.dataset[range(len(self))[index]]
