"""What each switch of an ablation does: to the mIoU with a paired interval, to multiply-adds and to latency."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import geometric_mean
from typing import Any

import numpy as np

from segkit.base.jsonl import without_nan
from segkit.benchmark.cells import Cell
from segkit.benchmark.cost import Cost
from segkit.benchmark.latency import Latency
from segkit.evaluation.compare import Difference, miou_difference, paired
from segkit.evaluation.intervals import interval as interval_of
from segkit.evaluation.intervals import mean_iou
from segkit.evaluation.result import Evaluation
from segkit.report.numbers import interval, points

AXES = ("backbone", "aspp", "os", "mf")


@dataclass(frozen=True)
class Measured:
    """All that is known of a cell: its evaluation, and the cost and latency of one picture."""

    evaluation: Evaluation
    cost: Cost
    latency: Latency

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        madds = {"madds_exact": self.cost.exact, "madds_tensorflow": self.cost.tensorflow}
        return {**self.evaluation.figures(), **madds, "latency": vars(self.latency)}


@dataclass(frozen=True)
class Spread:
    """A figure from trainings with several seeds, in the order of the seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """The standard deviation over the seeds, of a sample (n - 1)."""
        return float(np.std(self.values, ddof=1))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return without_nan({"values": list(self.values), "mean": self.mean, "deviation": self.deviation})


@dataclass(frozen=True)
class Turn:
    """What changed when a switch was turned: the mIoU, and the costs as ratios of what is after it to before."""

    miou: Difference
    exact: float
    tensorflow: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "miou": self.miou.to_json(),
            "madds_exact_ratio": self.exact,
            "madds_tensorflow_ratio": self.tensorflow,
            "seconds_ratio": self.seconds,
        }


@dataclass(frozen=True)
class Effect:
    """A switch turned from one value to another, in every pair of cells that differ in it alone.

    `mean` has the mean change of the mIoU over the pairs, with the interval of that mean, and the ratios' geometric
    means. `seeds` has the mean change of each seed where there are several; all else is of the first.
    """

    axis: str
    before: str
    after: str
    turns: dict[tuple[Cell, Cell], Turn]
    mean: Turn
    seeds: Spread | None = None

    @property
    def verdict(self) -> str:
        """What can be said, and what not."""
        miou = self.mean.miou
        if math.isnan(miou.change):
            return "nothing can be said, since no pixel of the pictures is labelled"
        change = f"{points(miou.change)} points {interval(miou.interval, points)}"
        if not miou.shown:
            said = f"no difference is shown: {change} holds 0"
        else:
            said = f"{'raises' if miou.change > 0 else 'lowers'} the mIoU: {change}"
        if self.seeds is not None:
            spread = f"{points(self.seeds.mean)} ± {100 * self.seeds.deviation:.2f}"
            said += f"; over {len(self.seeds.values)} seeds {spread} (mean and standard deviation)"
        elif self.axis in ("backbone", "aspp"):
            count = len({cell.network for pair in self.turns for cell in pair})
            said += f"; this is between these {count} checkpoints: only trainings with other seeds confirm the effect"
        return said

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "axis": self.axis,
            "before": self.before,
            "after": self.after,
            **self.mean.to_json(),
            "verdict": self.verdict,
            "seeds": self.seeds and self.seeds.to_json(),
            "steps": [{"a": a.name, "b": b.name, **turn.to_json()} for (a, b), turn in self.turns.items()],
        }


def find_effects(measured: Mapping[Cell, Measured]) -> list[Effect]:
    """The effect of each switch that the cells turn, in the order of AXES; cells come with the first values first.

    Raises DataError where the cells are not of the same classes and pictures.
    """
    evaluations = paired([found.evaluation for found in measured.values()])
    measured = {
        cell: replace(found, evaluation=evaluation)
        for (cell, found), evaluation in zip(measured.items(), evaluations, strict=True)
    }
    effects = []
    for axis in AXES:
        first, *others = dict.fromkeys(positions(cell)[axis] for cell in measured)
        for value in others:
            if pairs := turned_pairs(measured, axis, first, value):
                effects.append(_effect(axis, first, value, pairs, measured))
    return effects


def find_effects_over_seeds(grids: Sequence[Mapping[Cell, Measured]]) -> list[Effect]:
    """The effects in the grid of the first seed, with the mean changes of all seeds. Raises DataError as above."""
    found = [find_effects(grid) for grid in grids]
    if len(grids) == 1:
        return found[0]
    return [
        replace(effects[0], seeds=Spread(tuple(effect.mean.miou.change for effect in effects)))
        for effects in zip(*found, strict=True)
    ]


def turned_pairs(cells: Iterable[Cell], axis: str, before: Any, after: Any) -> list[tuple[Cell, Cell]]:
    """The pairs of cells that differ in one switch alone, which turns from `before` to `after`."""
    found = {tuple(positions(cell).values()): cell for cell in cells}
    pairs = []
    for b in found.values():
        at = positions(b)
        a = found.get(tuple((at | {axis: before}).values()))
        if at[axis] == after and a is not None:
            pairs.append((a, b))
    return pairs


def positions(cell: Cell) -> dict[str, Any]:
    """Where the switch of each axis stands in a cell."""
    network, setting = cell
    backbone = network._replace(aspp=False)
    return {"backbone": backbone, "aspp": network.aspp, "os": setting.output_stride, "mf": setting.mf}


def _effect(
    axis: str, before: Any, after: Any, pairs: Sequence[tuple[Cell, Cell]], measured: Mapping[Cell, Measured]
) -> Effect:
    turns = {(a, b): _turn(measured[a], measured[b]) for a, b in pairs}
    iou = {cell: mean_iou(measured[cell].evaluation.resampled_iou) for pair in pairs for cell in pair}
    mean = Turn(
        Difference(
            float(np.mean([turn.miou.a for turn in turns.values()])),
            float(np.mean([turn.miou.b for turn in turns.values()])),
            interval_of(np.mean([iou[b] - iou[a] for a, b in pairs], axis=0)),
        ),
        geometric_mean([turn.exact for turn in turns.values()]),
        geometric_mean([turn.tensorflow for turn in turns.values()]),
        geometric_mean([turn.seconds for turn in turns.values()]),
    )
    return Effect(axis, _title(axis, before), _title(axis, after), turns, mean)


def _turn(a: Measured, b: Measured) -> Turn:
    return Turn(
        miou_difference(a.evaluation, b.evaluation),
        b.cost.exact / a.cost.exact,
        b.cost.tensorflow / a.cost.tensorflow,
        b.latency.seconds / a.latency.seconds,
    )


def _title(axis: str, value: Any) -> str:
    """A switch's position in words."""
    if axis == "backbone":
        return str(value.title)
    return f"OS {value}" if axis == "os" else f"{axis.upper()} {'on' if value else 'off'}"
