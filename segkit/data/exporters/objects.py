"""What a label map holds, as labelling tools hold it: objects, each a class and a small mask at its place."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from segkit.base.labels import IGNORE
from segkit.data.importers.painting import Patch


class Object(NamedTuple):
    """Pixels of one class that touch each other, corners too."""

    name: str
    patch: Patch


class Annotated(NamedTuple):
    """A picture with its objects: `file` is its name among the files of the export, `size` (height, width) as shown."""

    file: str
    size: tuple[int, int]
    objects: tuple[Object, ...]


def objects_of(label: np.ndarray, classes: Sequence[str], *, background: int | None) -> Iterator[Object]:
    """The objects in a label map, uint8 (H, W), by class and from the top; none of `background` and of IGNORE."""
    for value in np.unique(label).tolist():
        if value in (background, IGNORE):
            continue
        _, numbers, boxes, _ = cv2.connectedComponentsWithStats((label == value).view(np.uint8), connectivity=8)
        for number, (x, y, width, height, _) in enumerate(boxes[1:].tolist(), 1):
            yield Object(classes[value], Patch(y, x, numbers[y : y + height, x : x + width] == number))


def runs(mask: np.ndarray) -> list[int]:
    """The lengths of the runs in a flat mask, of 0 and 1 in turn: the first is 0 where the mask begins with 1."""
    flat = mask.ravel().astype(np.int8)
    ends = np.flatnonzero(np.diff(flat, prepend=0, append=1 - flat[-1]))
    return np.diff(ends, prepend=0).tolist()
