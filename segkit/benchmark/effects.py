"""What each switch of an ablation does: to the mIoU with a paired interval, to multiply-adds and to latency."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segkit.benchmark.cells import Cell
from segkit.benchmark.published import Network, Setting
from segkit.evaluation.compare import Difference, miou_difference, paired
from segkit.evaluation.intervals import interval as interval_of
from segkit.evaluation.intervals import mean_iou
from segkit.evaluation.result import Evaluation
from segkit.report.numbers import interval, points

AXES = ("backbone", "aspp", "os", "mf")


@dataclass(frozen=True)
class Measured:
    """All that is known of a cell: multiply-adds in both accountings, seconds of one picture."""

    evaluation: Evaluation
    exact: int
    tensorflow: int
    seconds: float


@dataclass(frozen=True)
class Step:
    """Two cells that differ in one switch, and what the switch changed; ratios are `b` to `a`."""

    a: Cell
    b: Cell
    miou: Difference
    exact: float
    tensorflow: float
    seconds: float


@dataclass(frozen=True)
class Effect:
    """A switch turned from one value to another, in every pair of cells that differ in it alone.

    `miou` is the mean over the pairs, with the interval of that mean; `exact`, `tensorflow` and `seconds` are geometric
    means of the ratios.
    """

    axis: str
    before: str
    after: str
    steps: tuple[Step, ...]
    miou: Difference
    exact: float
    tensorflow: float
    seconds: float

    @property
    def verdict(self) -> str:
        """What can be said, and what not."""
        if math.isnan(self.miou.change):
            return "nothing can be said, since no pixel of the pictures is labelled"
        change = f"{points(self.miou.change)} points {interval(self.miou.interval, points)}"
        if not self.miou.shown:
            said = f"no difference is shown: {change} holds 0"
        else:
            said = f"{'raises' if self.miou.change > 0 else 'lowers'} the mIoU: {change}"
        if self.axis in ("backbone", "aspp"):
            count = len({step.b.network for step in self.steps} | {step.a.network for step in self.steps})
            said += f"; this is between these {count} checkpoints: only trainings with other seeds confirm the effect"
        return said

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "axis": self.axis,
            "before": self.before,
            "after": self.after,
            "miou": self.miou.to_json(),
            "madds_exact_ratio": self.exact,
            "madds_tensorflow_ratio": self.tensorflow,
            "seconds_ratio": self.seconds,
            "verdict": self.verdict,
            "steps": [
                {
                    "a": step.a.name,
                    "b": step.b.name,
                    "miou": step.miou.to_json(),
                    "madds_exact_ratio": step.exact,
                    "madds_tensorflow_ratio": step.tensorflow,
                    "seconds_ratio": step.seconds,
                }
                for step in self.steps
            ],
        }


def find_effects(measured: Mapping[Cell, Measured]) -> list[Effect]:
    """The effect of each switch that the cells turn, in the order of AXES; cells come with the first values first.

    Raises DataError where the cells are not of the same classes and pictures.
    """
    evaluations = dict(zip(measured, paired([found.evaluation for found in measured.values()]), strict=True))
    effects = []
    for axis in AXES:
        first, *others = dict.fromkeys(value_of(cell, axis) for cell in measured)
        for value in others:
            pairs = turned_pairs(measured, axis, first, value)
            if pairs:
                effects.append(_effect(axis, first, value, pairs, measured, evaluations))
    return effects


def turned_pairs(cells: Collection[Cell], axis: str, before: Any, after: Any) -> list[tuple[Cell, Cell]]:
    """The pairs of cells that differ in one switch alone, which turns from `before` to `after`."""
    pairs = [(turned(cell, axis, before), cell) for cell in cells if value_of(cell, axis) == after]
    return [(a, b) for a, b in pairs if a in cells]


def _effect(
    axis: str,
    before: Any,
    after: Any,
    pairs: Sequence[tuple[Cell, Cell]],
    measured: Mapping[Cell, Measured],
    evaluations: Mapping[Cell, Evaluation],
) -> Effect:
    steps = []
    for a, b in pairs:
        one, other = measured[a], measured[b]
        steps.append(
            Step(
                a,
                b,
                miou_difference(evaluations[a], evaluations[b]),
                other.exact / one.exact,
                other.tensorflow / one.tensorflow,
                other.seconds / one.seconds,
            )
        )
    draws = {cell: mean_iou(evaluations[cell].resampled_iou) for pair in pairs for cell in pair}
    mean = np.mean([draws[b] - draws[a] for a, b in pairs], axis=0)
    return Effect(
        axis,
        value_title(axis, before),
        value_title(axis, after),
        tuple(steps),
        Difference(
            float(np.mean([step.miou.a for step in steps])),
            float(np.mean([step.miou.b for step in steps])),
            interval_of(mean),
        ),
        _geometric_mean([step.exact for step in steps]),
        _geometric_mean([step.tensorflow for step in steps]),
        _geometric_mean([step.seconds for step in steps]),
    )


def value_of(cell: Cell, axis: str) -> Any:
    """Where a switch stands in a cell."""
    network, setting = cell
    return {
        "backbone": (network.backbone, network.width),
        "aspp": network.aspp,
        "os": setting.output_stride,
        "mf": setting.mf,
    }[axis]


def turned(cell: Cell, axis: str, value: Any) -> Cell:
    """The cell with one switch turned to `value`."""
    network, setting = cell
    if axis == "backbone":
        return Cell(Network(value[0], network.aspp, value[1]), setting)
    if axis == "aspp":
        return Cell(network._replace(aspp=value), setting)
    return Cell(network, Setting(value, setting.mf) if axis == "os" else Setting(setting.output_stride, value))


def value_title(axis: str, value: Any) -> str:
    """A switch's value in words."""
    if axis == "backbone":
        return Network(value[0], aspp=False, width=value[1]).title
    if axis == "os":
        return f"OS {value}"
    return f"{'ASPP' if axis == 'aspp' else 'MF'} {'on' if value else 'off'}"


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))
