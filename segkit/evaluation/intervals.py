"""How sure a figure is: 95 % intervals by the bootstrap over pictures.

A data set is one draw of pictures; another draw would have given another mIoU. The bootstrap draws as many pictures
from the set itself, with replacement, and computes the figure again, 2,000 times: the middle 95 % of the results are
the interval (the percentile method: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Two
evaluations of the same pictures are compared on the same draws, picture by picture, so that what is hard for both
cancels out (the paired bootstrap, as in Koehn, Statistical Significance Tests for Machine Translation Evaluation,
EMNLP 2004). A draw is a row of counts, how often each picture is in it, so all draws are one matrix product with the
pictures' own confusion counts.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

DRAWS = 2000
LEVEL = 0.95
_BLOCK = 4_000_000
"""How many weights are held at a time; float64, so 32 MB."""


class Interval(NamedTuple):
    """From `low` to `high`; both NaN where there is nothing to tell."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether `value` is inside, or nothing is known."""
        return not (value < self.low or value > self.high)

    def to_json(self) -> list[float] | None:
        """The two ends, or None."""
        return None if np.isnan(self.low) else [self.low, self.high]


def resampled_iou(counts: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """The IoU of each class in each of `draws` resampled sets, float64 (draws, classes), NaN where there is none.

    `counts` is (pictures, 3, classes): the pixels of each class that are right, in the labels, and predicted. The draws
    are a function of (pictures, draws, seed): with the same three, two results are paired, row by row.
    """
    pictures, _, classes = counts.shape
    flat = counts.reshape(pictures, 3 * classes).astype(np.float64)
    totals = [_weights(chosen) @ flat for chosen in drawn(pictures, draws=draws, seed=seed)]
    right, labelled, predicted = np.moveaxis(np.concatenate(totals).reshape(draws, 3, classes), 1, 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(right / (labelled + predicted - right), np.float64)


def drawn(pictures: int, *, draws: int = DRAWS, seed: int = 0) -> Iterator[np.ndarray]:
    """The pictures in each draw of `resampled_iou`, by number, in the order drawn: int64 (draws, pictures), in parts.

    For figures that are no sum over pictures, so that they are paired with those that are.
    """
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // max(pictures, 1))
    for first in range(0, draws, rows):
        size = (min(rows, draws - first), pictures)
        yield rng.integers(pictures, size=size) if pictures else np.empty(size, np.int64)


def mean_iou(iou: np.ndarray) -> np.ndarray:
    """The mean over the last axis of the IoUs that are not NaN; NaN where all are."""
    valid = ~np.isnan(iou)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(valid, iou, 0).sum(-1) / valid.sum(-1), np.float64)


def interval(values: np.ndarray, level: float = LEVEL) -> Interval:
    """The middle `level` of the `values` that are not NaN."""
    values = values[~np.isnan(values)]
    if not values.size:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Interval(low, high)


def _weights(chosen: np.ndarray) -> np.ndarray:
    """How often each picture is in each draw, float64 (draws, pictures)."""
    draws, pictures = chosen.shape
    cells = chosen + np.arange(draws)[:, None] * pictures
    return np.bincount(cells.ravel(), minlength=draws * pictures).reshape(draws, pictures).astype(np.float64)
