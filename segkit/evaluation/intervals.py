"""How sure a figure is: 95 % intervals over the choice of the pictures.

A data set is one draw of pictures; another draw would have given another mIoU. Two ways tell how much another, both
from the pictures' own confusion counts alone:

* A figure of one evaluation, by the jackknife: the figure is computed again without each picture in turn, and the
  spread of the results gives its standard error (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter
  11). Where a few pictures carry nearly all of the spread, as those of a rare class do, that error is itself hardly
  known, so it is multiplied by a quantile of Student's t with as few degrees of freedom as there are pictures that
  matter. The percentile bootstrap, which resamples what it has, never learns of the pictures that a rare class lacks:
  where classes are rare it holds the truth 82 times of 100 in place of 95 (docs/intervals.md has the measured
  coverage of both, by `python -m tools.coverage`).
* A difference between two evaluations of the same pictures, by the paired bootstrap: both are computed on the same
  2,000 draws of the pictures, with replacement, so that what is hard for both cancels out; the middle 95 % of the
  differences are the interval (as in Koehn, Statistical Significance Tests for Machine Translation Evaluation, EMNLP
  2004). A draw is a row of counts, how often each picture is in it, so all draws are one matrix product. For
  differences this keeps what it says, where the jackknife is twice too wide.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

DRAWS = 2000
LEVEL = 0.95
LEAST_FREEDOM = 2.0
"""Degrees of freedom of Student's t, where one picture decides: with 1 an interval would tell nothing at all."""
FEW_PICTURES = 10
"""Of a class that fewer pictures have in their labels no interval keeps what it says (docs/intervals.md)."""
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


def left_out_iou(counts: np.ndarray) -> np.ndarray:
    """The IoU of each class in the set without each picture, float64 (pictures, classes), NaN where there is none.

    `counts` is (pictures, 3, classes): the pixels of each class that are right, in the labels, and predicted.
    """
    right, labelled, predicted = np.moveaxis((counts.sum(0) - counts).astype(np.float64), 1, 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(right / (labelled + predicted - right), np.float64)


def influences(counts: np.ndarray) -> np.ndarray:
    """How much each picture weighs in the IoU of each class, to first order: float64 (pictures, classes), 0 on average.

    Arguments as in `left_out_iou`; NaN for a class that is nowhere.
    """
    right, labelled, predicted = np.moveaxis(counts.astype(np.float64), 1, 0)
    union = labelled + predicted - right
    with np.errstate(invalid="ignore"):
        return np.asarray((right - right.sum(0) / union.sum(0) * union) / union.sum(0), np.float64)


def jackknife_interval(value: float, left_out: np.ndarray, weights: np.ndarray) -> Interval:
    """The interval of a share `value`: its values without each picture in turn are `left_out`, float64 (pictures,).

    `value -+ t * s`, cut to 0..1: s is the jackknife's standard error; t is Student's, with the degrees of freedom that
    Satterthwaite gives a sum of squares: (sum of squares)^2 / (sum of fourth powers) - 1 of the pictures' `influences`
    on the figure, the `weights`, at least LEAST_FREEDOM. Nothing is known where the figure is NaN with all pictures, or
    without one of them, which then alone makes it.
    """
    if len(left_out) < 2 or np.isnan(value) or np.isnan(left_out).any():
        return Interval(float("nan"), float("nan"))
    spread = float(((left_out - left_out.mean()) ** 2).sum())
    if spread == 0:
        return Interval(value, value)
    squares = weights**2
    fourth = float((squares**2).sum())
    freedom = max(float(squares.sum()) ** 2 / fourth - 1 if fourth else 0.0, LEAST_FREEDOM)
    reach = float(stdtrit(freedom, (1 + LEVEL) / 2)) * (spread * (len(left_out) - 1) / len(left_out)) ** 0.5
    return Interval(max(value - reach, 0.0), min(value + reach, 1.0))


def resampled_iou(counts: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """The IoU of each class in each of `draws` resampled sets, float64 (draws, classes), NaN where there is none.

    `counts` as in `left_out_iou`. The draws are a function of (pictures, draws, seed): with the same three, two results
    are paired, row by row.
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


def interval(values: np.ndarray) -> Interval:
    """The middle LEVEL of the `values` that are not NaN."""
    values = values[~np.isnan(values)]
    if not values.size:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return Interval(low, high)


def _weights(chosen: np.ndarray) -> np.ndarray:
    """How often each picture is in each draw, float64 (draws, pictures)."""
    draws, pictures = chosen.shape
    cells = chosen + np.arange(draws)[:, None] * pictures
    return np.bincount(cells.ravel(), minlength=draws * pictures).reshape(draws, pictures).astype(np.float64)
