"""Two evaluations of the same pictures: what changed, and whether that is more than the choice of the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segkit.base.errors import DataError
from segkit.base.jsonl import without_nan
from segkit.evaluation.counts import picture_miou
from segkit.evaluation.intervals import Interval, interval, mean_iou
from segkit.evaluation.result import Evaluation


@dataclass(frozen=True)
class Difference:
    """A figure `a`, the same figure `b` of another evaluation, and the paired 95 % interval of b - a."""

    a: float
    b: float
    interval: Interval

    @property
    def change(self) -> float:
        """b - a."""
        return self.b - self.a

    @property
    def shown(self) -> bool:
        """Whether the interval leaves zero out: the pictures show a difference."""
        return not self.interval.holds(0)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        figures = {"a": self.a, "b": self.b, "change": self.change}
        return without_nan(figures) | {"interval": self.interval.to_json(), "shown": self.shown}


@dataclass(frozen=True)
class PictureChange:
    """The mIoU of one picture alone in the two evaluations, in 0..1."""

    name: str
    a: float
    b: float


@dataclass(frozen=True)
class Comparison:
    """mIoU and IoU by class name, and every picture, those that changed most first; `Evaluation.rare_classes`."""

    miou: Difference
    iou: dict[str, Difference]
    pictures: tuple[PictureChange, ...]
    rare_classes: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "miou": self.miou.to_json(),
            "iou": {name: difference.to_json() for name, difference in self.iou.items()},
            "pictures": [without_nan(vars(picture)) for picture in self.pictures],
            "rare_classes": self.rare_classes,
        }


def compare(a: Evaluation, b: Evaluation) -> Comparison:
    """What `b` changed from `a`. Raises DataError unless both are of the same classes and pictures."""
    a, b = paired([a, b])
    per_class = (b.resampled_iou - a.resampled_iou).T
    iou = {
        name: Difference(a.iou[name], b.iou[name], interval(per_class[number])) for number, name in enumerate(a.classes)
    }
    alone_a, alone_b = picture_miou(a.counts), picture_miou(b.counts)
    order = np.argsort(-np.nan_to_num(np.abs(alone_b - alone_a), nan=-1), kind="stable").tolist()
    names = [picture.name for picture in a.pictures]
    return Comparison(
        miou=miou_difference(a, b),
        iou=iou,
        pictures=tuple(PictureChange(names[at], float(alone_a[at]), float(alone_b[at])) for at in order),
        rare_classes=a.rare_classes,
    )


def miou_difference(a: Evaluation, b: Evaluation) -> Difference:
    """What `b` changed in the mIoU from `a`, two that are `paired`."""
    return Difference(a.miou, b.miou, interval(mean_iou(b.resampled_iou) - mean_iou(a.resampled_iou)))


def paired(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Evaluations of the same pictures, all in the order of the first's pictures.

    Raises DataError where they are not of the same classes and pictures, or hold a picture twice.
    """
    first = evaluations[0]
    names = [picture.name for picture in first.pictures]
    found = []
    for evaluation in evaluations:
        if evaluation.classes != first.classes:
            raise DataError("the evaluations have other classes than each other: compare two of the same data set")
        by_name = {picture.name: picture for picture in evaluation.pictures}
        if len(by_name) < len(evaluation.pictures):
            raise DataError("an evaluation holds two pictures of one name: they cannot be paired with another's")
        if by_name.keys() != set(names):
            odd = sorted(by_name.keys() ^ set(names))
            raise DataError(
                f"the evaluations are of other pictures than each other ({len(odd)} are in one only, such as "
                f"{odd[0]!r}): evaluate both on the same split"
            )
        in_order = list(by_name) == names  # then what it has computed already serves
        found.append(evaluation if in_order else replace(evaluation, pictures=tuple(by_name[name] for name in names)))
    return found
