"""The confusion counts of single pictures, from which every figure of an evaluation follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydantic
from pydantic import BaseModel, NonNegativeInt, PositiveInt

from segkit.data.dataset import Sample
from segkit.evaluation.intervals import mean_iou
from segkit.evaluation.metrics import count_pixels

_MOST_PIXELS = 2**40
"""Of a picture: so many of as many pictures as a file may hold add up in 64 bits."""


@dataclass(frozen=True, eq=False)
class PictureCounts:
    """The confusion counts of one picture, of which most are zero: `counts[i]` pixels at flat index `cells[i]`."""

    name: str
    cells: np.ndarray
    counts: np.ndarray

    def __eq__(self, other: object) -> bool:
        """Whether the other is of the same name with the same counts."""
        return isinstance(other, PictureCounts) and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._values)

    @property
    def _values(self) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
        return self.name, tuple(self.cells.tolist()), tuple(self.counts.tolist())

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"name": self.name, "cells": self.cells.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, values: Any) -> "PictureCounts":
        """What `to_json` made. Raises ValueError for anything else."""
        return StoredCounts.model_validate(values).read()


class StoredCounts(BaseModel):
    """What `PictureCounts.to_json` made, as it is read back."""

    name: str
    cells: list[NonNegativeInt]
    counts: list[PositiveInt]

    @pydantic.model_validator(mode="after")
    def _fits(self) -> "StoredCounts":
        if len(self.cells) != len(self.counts) or len(set(self.cells)) < len(self.cells):
            raise ValueError(f"the counts of {self.name!r} do not fit their cells")
        if sum(self.counts) > _MOST_PIXELS:
            raise ValueError(f"{self.name!r} has more pixels than any picture")
        return self

    def read(self) -> "PictureCounts":
        """As it was."""
        return PictureCounts(self.name, np.array(self.cells, np.int64), np.array(self.counts, np.int64))


def count_picture(sample: Sample, prediction: np.ndarray, classes: int) -> PictureCounts:
    """The confusion counts of one picture."""
    counts = count_pixels(sample.label, prediction, classes).ravel()
    cells = np.flatnonzero(counts)
    return PictureCounts(sample.name, cells, counts[cells])


def class_counts(pictures: Sequence[PictureCounts], classes: int) -> np.ndarray:
    """Pixels of each class in each picture, int64 (pictures, 3, classes): right, in the labels, predicted."""
    counts = np.zeros((len(pictures), 3, classes), np.int64)
    for per_class, picture in zip(counts, pictures, strict=True):
        truth, predicted = np.divmod(picture.cells, classes)
        right = truth == predicted
        per_class[0, truth[right]] = picture.counts[right]
        np.add.at(per_class[1], truth, picture.counts)
        np.add.at(per_class[2], predicted, picture.counts)
    return counts


def picture_miou(counts: np.ndarray) -> np.ndarray:
    """The mIoU of each picture alone, float64 (pictures,), from its `Evaluation.counts`; NaN where nothing is labelled.

    To find pictures by; their mean is not the mIoU of the set.
    """
    right, labelled, predicted = np.moveaxis(counts, 1, 0)
    with np.errstate(invalid="ignore"):
        return mean_iou(right / (labelled + predicted - right))
