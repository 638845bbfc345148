"""Objects of an annotation painted into one label map, each in its own box, and what of them is not seen in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from segkit.base.labels import IGNORE
from segkit.data.importers.export import Drawn

KEPT = 2**28
"""Bytes of masks that are kept while a picture is painted; those beyond are drawn again where they are needed."""

EMPTY = "an object that covers no pixel of its picture"
HIDDEN = (
    "an object that others of another class hide for the most part: --order area puts smaller objects over larger "
    "ones, --order class later classes over earlier ones"
)


class Patch(NamedTuple):
    """Where an object is: bool `mask` (h, w), whose upper left pixel is the picture's at (`top`, `left`).

    It does not jut out of the picture.
    """

    top: int
    left: int
    mask: np.ndarray

    def on(self, label: np.ndarray) -> np.ndarray:
        """The view of a label map that the mask is of."""
        height, width = self.mask.shape
        return label[self.top : self.top + height, self.left : self.left + width]

    def whole(self, height: int, width: int) -> np.ndarray:
        """The mask of the whole picture, bool (height, width)."""
        mask = np.zeros((height, width), bool)
        self.on(mask)[...] = self.mask
        return mask


NOTHING = Patch(0, 0, np.zeros((0, 0), bool))


def union(patches: Sequence[Patch], height: int, width: int) -> Patch:
    """What any of the patches covers of a picture."""
    patches = [patch for patch in patches if patch.mask.size]
    if len(patches) < 2:
        return patches[0] if patches else NOTHING
    mask = np.zeros((height, width), bool)
    for patch in patches:
        patch.on(mask)[...] |= patch.mask
    return Patch(0, 0, mask)


class Layer(NamedTuple):
    """An object: the name of its class, and what draws it in a picture of (height, width).

    What is `below` lies under all that is not, whatever the order.
    """

    name: str
    draw: Callable[[int, int], Patch]
    below: bool = False


@dataclass
class _Object:
    number: int
    layer: Layer
    area: int
    kept: Patch | None

    def patch(self, height: int, width: int) -> Patch:
        return self.layer.draw(height, width) if self.kept is None else self.kept


@dataclass(frozen=True)
class Painting:
    """Draws the label map of a picture: its objects in an `order` over pixels of the value `unlabelled`.

    `numbers` are those of the classes' names, which may be given them until it draws.
    """

    layers: Sequence[Layer]
    numbers: Mapping[str, int]
    order: str = "file"
    unlabelled: int = 0

    def __call__(self, height: int, width: int) -> Drawn:
        """The label map, uint8 (height, width). Raises DataError where an object cannot be drawn."""
        label = np.full((height, width), self.unlabelled, np.uint8)
        objects = self._objects(height, width)
        for item in self._sorted(objects):
            patch = item.patch(height, width)
            np.copyto(patch.on(label), item.number, where=patch.mask)
        drawn = [item for item in objects if item.area]
        reasons = [EMPTY] * (len(objects) - len(drawn))
        if len({item.number for item in drawn}) > 1:
            reasons += [HIDDEN for item in drawn if _is_hidden(item, label)]
        return Drawn(label, len(drawn), tuple(reasons))

    def _objects(self, height: int, width: int) -> list[_Object]:
        objects, kept = [], 0
        for layer in self.layers:
            patch = layer.draw(height, width)
            kept += patch.mask.size
            area = int(np.count_nonzero(patch.mask))
            objects.append(_Object(self.numbers[layer.name], layer, area, patch if kept <= KEPT else None))
        return objects

    def _sorted(self, objects: Sequence[_Object]) -> list[_Object]:
        """From the undermost to the uppermost, as in the file where nothing else tells."""
        keys: dict[str, Callable[[_Object], int]] = {
            "file": lambda _: 0,
            "area": lambda item: -item.area,
            "class": lambda item: -1 if item.number == IGNORE else item.number,
        }
        return sorted(objects, key=lambda item: (not item.layer.below, keys[self.order](item)))


def _is_hidden(item: _Object, label: np.ndarray) -> bool:
    patch = item.patch(*label.shape)
    seen = np.count_nonzero(patch.mask & (patch.on(label) == item.number))
    return 2 * int(seen) < item.area
