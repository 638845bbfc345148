"""What a data set is: pictures with label maps, class names and a palette."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from segkit.base.labels import Palette


class Sample(NamedTuple):
    """A picture, uint8 (H, W, 3) RGB, its label map, uint8 (H, W) with IGNORE, and its name in messages."""

    image: np.ndarray
    label: np.ndarray
    name: str


class Dataset(Protocol):
    """Any object with these is a data set."""

    classes: tuple[str, ...]
    palette: Palette
    ids: Sequence[str]

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def __getitem__(self, index: int) -> Sample:
        """The picture at `index` and its label map. Raises DataError if a file is missing or broken."""
        ...
