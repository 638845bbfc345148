"""The mIoU of a network on a data set, and the protocol it was measured by."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from segkit.base.errors import DataError
from segkit.data.dataset import Dataset
from segkit.evaluation.geometry import canvas_side, grid
from segkit.evaluation.inference import Segmenter, predict
from segkit.evaluation.metrics import ConfusionMatrix


@dataclass(frozen=True)
class PictureCounts:
    """The confusion counts of one picture, of which most are zero: `counts[i]` pixels at flat index `cells[i]`."""

    name: str
    cells: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """What was measured, on what, and how."""

    classes: tuple[str, ...]
    confusion: ConfusionMatrix
    pictures: tuple[PictureCounts, ...]
    protocol: dict[str, Any]
    seconds: float

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

    def to_json(self) -> dict[str, Any]:
        """Plain data: the figures, the protocol, the confusion matrix, and each picture's own counts."""
        return {
            "miou": _none_for_nan(self.miou),
            "pixel_accuracy": _none_for_nan(self.pixel_accuracy),
            "mean_accuracy": _none_for_nan(self.mean_accuracy),
            "counted_classes": self.confusion.counted_classes,
            "iou": {name: _none_for_nan(value) for name, value in self.iou.items()},
            "protocol": self.protocol,
            "seconds": round(self.seconds, 2),
            "classes": list(self.classes),
            "confusion": self.confusion.counts.tolist(),
            "pictures": [
                {"name": p.name, "cells": p.cells.tolist(), "counts": p.counts.tolist()} for p in self.pictures
            ],
        }


def evaluate(
    model: Segmenter,
    dataset: Dataset,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score every picture of `dataset`, whole and at its own size, into one confusion matrix.

    Nothing is resized or cropped to be scored; of a picture only its own counts are kept. `scales`, `flip` and `window`
    are those of `predict`; `precision` runs the network under autocast in float16 or bfloat16; `progress(done, total)`
    is called after each picture. Raises DataError where the data set's classes are not the model's.
    """
    _check_classes(dataset.classes, model.classes)
    began = time.perf_counter()
    confusion = ConfusionMatrix(len(model.classes))
    pictures = []
    for index in range(len(dataset)):
        sample = dataset[index]
        image = torch.from_numpy(sample.image).permute(2, 0, 1)[None]
        with torch.autocast(model.mean.device.type, precision, enabled=precision != torch.float32):
            probabilities = predict(model, image, scales=scales, flip=flip, window=window)
        counts = confusion.add(sample.label, probabilities[0].argmax(0).cpu().numpy()).ravel()
        cells = np.flatnonzero(counts)
        pictures.append(PictureCounts(sample.name, cells, counts[cells]))
        if progress is not None:
            progress(index + 1, len(dataset))
    stride = model.output_stride
    protocol = {
        "pictures": len(dataset),
        "output_stride": stride,
        "scales": [float(scale) for scale in scales],
        "flip": flip,
        "canvas": canvas_side(model.canvas, stride) if model.canvas else f"next {grid(stride)}k+1",
        "window": window,
        "precision": str(precision).removeprefix("torch."),
        "device": model.mean.device.type,
    }
    return Evaluation(model.classes, confusion, tuple(pictures), protocol, time.perf_counter() - began)


def _check_classes(data: Sequence[str], weights: Sequence[str]) -> None:
    if len(data) != len(weights):
        problem = f"the data set has {len(data)} classes, the weights have {len(weights)}"
    else:
        pairs = enumerate(zip(data, weights, strict=True))
        different = [(label, ours, theirs) for label, (ours, theirs) in pairs if ours != theirs]
        if not different:
            return
        label, ours, theirs = different[0]
        problem = f"class {label} of the data set is {ours!r}, of the weights {theirs!r}"
    raise DataError(f"{problem}: evaluate on the data that the weights were trained for")


def _none_for_nan(value: float) -> float | None:
    return None if np.isnan(value) else value
