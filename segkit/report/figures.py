"""Figures of a page computed from an evaluation's plain data."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from segkit.base.labels import palette_table

Curve = dict[str, list[tuple[float, float | None]]]
"""The points (iteration, value) of each measurement of a training, by its name in metrics.jsonl."""


class ClassRow(NamedTuple):
    """What is told of a class; shares in 0..1, None where there is nothing to tell, and its colour as in CSS."""

    name: str
    colour: str
    iou: float | None
    low: float | None
    high: float | None
    recall: float | None
    precision: float | None
    share: float | None


def class_rows(result: Mapping[str, Any], palette: Sequence[Sequence[int]]) -> list[ClassRow]:
    """A row for each class of `Evaluation.to_json()`: `share` is of the labelled pixels."""
    counts = np.array(result["confusion"], np.int64).reshape(len(result["classes"]), -1)
    labelled, predicted = counts.sum(1), counts.sum(0)
    rows = []
    for number, (name, colour) in enumerate(zip(result["classes"], colours(palette), strict=False)):
        low, high = result["iou_intervals"][name] or (None, None)
        rows.append(
            ClassRow(
                name=name,
                colour=colour,
                iou=result["iou"][name],
                low=low,
                high=high,
                recall=_share(counts[number, number], labelled[number]),
                precision=_share(counts[number, number], predicted[number]),
                share=_share(labelled[number], labelled.sum()),
            )
        )
    return rows


def colours(palette: Sequence[Sequence[int]]) -> list[str]:
    """The colour of each label value that a palette table has, as in CSS: "#rrggbb"."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in palette_table(palette).tolist()]


def curves(lines: Iterable[Mapping[str, Any]]) -> Curve:
    """Loss, learning rate and val mIoU from the lines of a metrics.jsonl; the last line of an iteration counts."""
    found: dict[str, dict[float, float | None]] = {"loss": {}, "lr": {}, "val_miou": {}}
    for line in lines:
        for name, points in found.items():
            if name in line:
                points[line["iteration"]] = line[name]
    return {name: sorted(points.items()) for name, points in found.items() if points}


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
