"""What an evaluation found: counts, figures, protocol; as an object and as a JSON file."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import pydantic
from pydantic import BaseModel, Field

from segkit.base.errors import DataError
from segkit.base.files import read_plain
from segkit.base.jsonl import without_nan
from segkit.evaluation.counts import PictureCounts, StoredCounts, class_counts
from segkit.evaluation.intervals import (
    FEW_PICTURES,
    Interval,
    influences,
    jackknife_interval,
    left_out_iou,
    mean_iou,
    resampled_iou,
)
from segkit.evaluation.metrics import ConfusionMatrix


@dataclass(frozen=True)
class Evaluation:
    """What was measured, on what, and how; `machine` is what `describe_run` tells, where it was kept.

    Two are equal where all of it is. The protocol and the machine are read only, and copies of those given.
    """

    classes: tuple[str, ...]
    pictures: tuple[PictureCounts, ...]
    protocol: Mapping[str, Any]
    seconds: float
    machine: Mapping[str, Any] = field(default_factory=dict)

    __hash__ = None  # type: ignore[assignment]  # a protocol has none

    def __post_init__(self) -> None:
        for name in ("protocol", "machine"):
            object.__setattr__(self, name, MappingProxyType(copy.deepcopy(dict(getattr(self, name)))))

    def __reduce__(self) -> tuple[Any, ...]:
        return Evaluation, (self.classes, self.pictures, dict(self.protocol), self.seconds, dict(self.machine))

    @cached_property
    def confusion(self) -> ConfusionMatrix:
        """The counts of all pictures."""
        confusion = ConfusionMatrix(len(self.classes))
        for picture in self.pictures:
            confusion.counts.reshape(-1)[picture.cells] += picture.counts
        return confusion

    @property
    def miou(self) -> float:
        """Mean intersection over union, in 0..1."""
        return self.confusion.miou

    @property
    def iou(self) -> dict[str, float]:
        """Intersection over union by class name, in 0..1; NaN for a class neither in the labels nor predicted."""
        return dict(zip(self.classes, self.confusion.iou.tolist(), strict=True))

    @property
    def pixel_accuracy(self) -> float:
        """Share of the labelled pixels that are right, in 0..1."""
        return self.confusion.pixel_accuracy

    @property
    def mean_accuracy(self) -> float:
        """Mean over classes of the share of their pixels that is right, in 0..1."""
        return self.confusion.mean_accuracy

    @cached_property
    def miou_interval(self) -> Interval:
        """The 95 % interval of the mIoU (see `segkit.evaluation.intervals`)."""
        return jackknife_interval(self.miou, mean_iou(self._left_out), mean_iou(influences(self.counts)))

    @cached_property
    def iou_intervals(self) -> dict[str, Interval]:
        """The 95 % interval of the IoU of each class."""
        found = zip(self.iou.items(), self._left_out.T, influences(self.counts).T, strict=True)
        return {name: jackknife_interval(value, left_out, weights) for (name, value), left_out, weights in found}

    @cached_property
    def _left_out(self) -> np.ndarray:
        return left_out_iou(self.counts)

    @property
    def rare_classes(self) -> dict[str, int]:
        """Classes in the labels of under FEW_PICTURES pictures, and of how many: intervals say too little of them."""
        pictures = np.count_nonzero(self.counts[:, 1], axis=0).tolist()
        return {name: count for name, count in zip(self.classes, pictures, strict=True) if 0 < count < FEW_PICTURES}

    @cached_property
    def counts(self) -> np.ndarray:
        """Pixels of each class in each picture, int64 (pictures, 3, classes): right, in the labels, predicted."""
        return class_counts(self.pictures, len(self.classes))

    @property
    def never_predicted(self) -> tuple[str, ...]:
        """The classes that are in the labels and not predicted anywhere."""
        return tuple(self.classes[label] for label in self.confusion.never_predicted)

    @property
    def is_constant(self) -> bool:
        """Whether one class at most is predicted, on all pixels that are labelled."""
        return bool((self.counts[:, 2].sum(0) > 0).sum() <= 1)

    @property
    def remark(self) -> str | None:
        """What figures may hide, in words: classes that are in the labels and that the network never predicts."""
        missed = self.never_predicted
        if not missed:
            return None
        if self.is_constant:
            return f"one class alone is predicted, whatever the picture; never {', '.join(missed)}"
        return f"never predicted, though in the labels: {', '.join(missed)}"

    @cached_property
    def resampled_iou(self) -> np.ndarray:
        """The IoU of each class in each draw, float64 (draws, classes), paired with any of as many pictures."""
        return resampled_iou(self.counts)

    def figures(self) -> dict[str, Any]:
        """Plain data: the figures with their intervals, and the protocol."""
        figures: dict[str, Any] = {
            "miou": self.miou,
            "miou_interval": self.miou_interval.to_json(),
            "pixel_accuracy": self.pixel_accuracy,
            "mean_accuracy": self.mean_accuracy,
            "counted_classes": self.confusion.counted_classes,
            "iou": self.iou,
            "iou_intervals": {name: value.to_json() for name, value in self.iou_intervals.items()},
            "rare_classes": self.rare_classes,
            "protocol": dict(self.protocol),
        }
        return without_nan(figures)

    def to_json(self) -> dict[str, Any]:
        """Plain data: the figures, the protocol, the confusion matrix, and each picture's own counts."""
        return {
            **self.figures(),
            "machine": dict(self.machine),
            "seconds": round(self.seconds, 2),
            "classes": list(self.classes),
            "confusion": self.confusion.counts.tolist(),
            "remark": self.remark,
            "pictures": [picture.to_json() for picture in self.pictures],
        }


def read_evaluation(path: Path | str) -> Evaluation:
    """The evaluation in a file of `segkit evaluate --json`, compressed or not. Raises DataError for any other file."""
    path = Path(path)
    try:
        stored = _Stored.model_validate(json.loads(read_plain(path)))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): give a file of `segkit evaluate --json`") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, pydantic.ValidationError):
            first = error.errors()[0]
            problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
        else:
            problem = str(error) if "unpacks to more" in str(error) else "it is no JSON"
        raise DataError(f"{path} holds no evaluation ({problem}): write one with `segkit evaluate --json`") from None
    pictures = tuple(picture.read() for picture in stored.pictures)
    return Evaluation(tuple(stored.classes), pictures, stored.protocol, stored.seconds, stored.machine)


class _Stored(BaseModel):
    """What of an evaluation's JSON is read back: all else follows from it."""

    classes: Annotated[list[str], Field(min_length=1, max_length=255)]
    pictures: list[StoredCounts]
    protocol: dict[str, Any]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    machine: dict[str, Any] = {}

    @pydantic.model_validator(mode="after")
    def _whole(self) -> "_Stored":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class is named twice")
        for picture in self.pictures:
            if max(picture.cells, default=0) >= len(self.classes) ** 2:
                raise ValueError(f"{picture.name!r} has counts of a class that there is not")
        return self
