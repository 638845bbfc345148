"""The change of the mIoU by a mistake, with its paired interval."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from segkit.evaluation.compare import Difference
from segkit.evaluation.counts import PictureCounts, class_counts, picture_miou
from segkit.evaluation.intervals import Interval, drawn, interval, mean_iou, resampled_iou
from tools.mistakes.catalogue import MISTAKES, REFERENCES, Averaging

BATCH = 16

Measured = Mapping[str, Sequence[PictureCounts]]
"""The counts of each picture by measurement, the pictures of all in the same order."""


class Findings(NamedTuple):
    """How many pictures, the mIoU of what was held against with its interval, and each mistake's difference."""

    pictures: int
    references: dict[str, tuple[float, Interval]]
    mistakes: dict[str, Difference]


def find(measured: Measured, classes: int) -> Findings:
    """What is known of the mistakes whose measurements are there."""

    @cache
    def counts(measurement: str) -> np.ndarray:
        return class_counts(measured[measurement], classes)

    @cache
    def figure(measurement: str, averaging: Averaging) -> tuple[float, np.ndarray]:
        return averaged(counts(measurement), averaging)

    differences = {}
    for name, mistake in MISTAKES.items():
        if {mistake.measurement, mistake.reference} <= measured.keys():
            (a, a_draws), (b, b_draws) = (
                figure(mistake.reference, "set"),
                figure(mistake.measurement, mistake.averaging),
            )
            differences[name] = Difference(a, b, interval(b_draws - a_draws))
    shown = [name for name in REFERENCES if name in measured]
    figures = {name: figure(name, "set") for name in shown}
    references = {name: (value, interval(draws)) for name, (value, draws) in figures.items()}
    return Findings(max(map(len, measured.values()), default=0), references, differences)


def averaged(counts: np.ndarray, averaging: Averaging) -> tuple[float, np.ndarray]:
    """The mIoU of a set by any averaging, and the same of each of the bootstrap's draws, float64 (draws,).

    `counts` is (pictures, 3, classes) as of `class_counts`. The draws of all averagings are the same, so the figures
    are paired. A class that is neither in the labels nor predicted in a picture or a batch has no part in its mIoU,
    and one without labels no part in the mean. Batches are of pictures that follow each other, in a draw as they were
    drawn; the last may be smaller.
    """
    if averaging == "set":
        return _miou(counts.sum(0)), mean_iou(resampled_iou(counts))
    if averaging == "picture":
        values = picture_miou(counts)
        return _mean(values), np.array([_mean(values[row]) for chosen in drawn(len(counts)) for row in chosen])
    return _by_batch(counts), np.array([_by_batch(counts[row]) for chosen in drawn(len(counts)) for row in chosen])


def _by_batch(counts: np.ndarray) -> float:
    return _mean(picture_miou(np.add.reduceat(counts, np.arange(0, len(counts), BATCH))))


def _miou(totals: np.ndarray) -> float:
    return float(picture_miou(totals[None])[0])


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
