"""Axes of charts: round ticks, and a frame of grid lines with them."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from markupsafe import Markup

from segkit.report.numbers import Format


class Scale(NamedTuple):
    """An axis from `low` to `high`, by logarithms where `log` (both are positive then)."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value is on the axis, in percent of its length; 0 and 100 are its ends."""
        low, high, value = (math.log(number) if self.log else number for number in (self.low, self.high, value))
        return round(100 * (value - low) / (high - low), 3)

    def ticks(self, count: int = 5) -> list[float]:
        """About `count` round numbers on the axis, in order."""
        return _log_ticks(self.low, self.high, count) if self.log else _ticks(self.low, self.high, count)


def fitted(values: Iterable[float], *, log: bool = False, zero: bool = False) -> Scale:
    """The axis that holds `values` (positive where `log`), its ends on ticks; from 0 where `zero`."""
    numbers = [*values, *([0.0] if zero else [])] or [1.0]
    low, high = min(numbers), max(numbers)
    if log:
        room = max((high / low) ** 0.08, 1.05)
        return Scale(low / room, high * room, log=True)
    if low == high:
        room = abs(low) / 10 or 0.5
        low, high = low - room * (not zero), high + room
    step = _step(low, high, 4)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step)


class Axes(NamedTuple):
    """The two axes of a chart, and how their numbers are written."""

    x: Scale
    y: Scale
    x_label: str
    x_format: Format
    y_format: Format

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is, in percent from the left and from the top."""
        return self.x.at(x), 100 - self.y.at(y)

    def frame(self) -> Markup:
        """Grid lines, ticks and the x axis's name; the ticks of y are in the chart's left padding, those of x below."""
        parts = []
        for value in self.y.ticks():
            parts.append(
                Markup(
                    '<line class="grid" x1="0" x2="100%" y1="{0}%" y2="{0}%"/>'
                    '<text class="tick" x="-8" y="{0}%" dy=".32em" text-anchor="end">{1}</text>'
                ).format(100 - self.y.at(value), self.y_format(value))
            )
        for value in self.x.ticks():
            parts.append(
                Markup('<text class="tick" x="{}%" y="100%" dy="1.5em" text-anchor="middle">{}</text>').format(
                    self.x.at(value), self.x_format(value)
                )
            )
        parts.append(
            Markup(
                '<line class="axis" x1="0" x2="100%" y1="100%" y2="100%"/>'
                '<text class="axis-name" x="100%" y="100%" dy="2.9em" text-anchor="end">{}</text>'
            ).format(self.x_label)
        )
        return Markup("").join(parts)


def _step(low: float, high: float, count: int) -> float:
    rough = (high - low) / count
    power = float(10 ** math.floor(math.log10(rough)))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _ticks(low: float, high: float, count: int) -> list[float]:
    step = _step(low, high, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _log_ticks(low: float, high: float, count: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= count - 2:
            return ticks
    return _ticks(low, high, count)
