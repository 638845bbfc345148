"""Pictures of 16 bits that use few of them: the percentiles of the whole set that they are stretched between."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.pictures import SIXTEEN_BITS, load, opened, orientation_of, turned
from segkit.data.dataset import evenly

FEW_BITS = 2**14
"""What the pictures of a set do not reach that does not use its 16 bits."""
SHARES = (0.005, 0.995)
"""Of all pixels that lie below the value that becomes 0, and below the one that becomes 255."""
_LOOKED_AT = 200  # pictures


class Depth(NamedTuple):
    """Of the 16-bit pictures of a set: how many there are, the largest value, and those that become 0 and 255."""

    pictures: int
    largest: int
    low: int
    high: int


def depth_of(paths: Iterable[Path]) -> Depth | None:
    """What the 16-bit pictures among these hold, from up to 200 of them; None where there are none."""
    deep = [path for path in paths if _is_deep(path)]
    counts = np.zeros(2**16, np.int64)
    for index in evenly(len(deep), _LOOKED_AT):
        try:
            counts += np.bincount(_values(deep[index]).ravel(), minlength=2**16)
        except DataError:  # which is told where the picture is imported
            continue
    if not counts.any():
        return None
    below = np.cumsum(counts) / counts.sum()
    low, high = (int(np.searchsorted(below, share)) for share in SHARES)
    return Depth(len(deep), int(np.flatnonzero(counts)[-1]), low, max(high, low + 1))


def _is_deep(path: Path) -> bool:
    if path.suffix.lower() not in (".png", ".tif", ".tiff"):
        return False
    try:
        with opened(path) as image:
            return image.mode in SIXTEEN_BITS
    except DataError:
        return False


def _values(path: Path) -> np.ndarray:
    with opened(path) as image:
        load(path, image)
        values = np.array(image).astype(np.uint16)
        return turned(values, orientation_of(image))
