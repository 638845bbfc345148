"""Axes of charts: round ticks, short numbers, and a frame of grid lines with both."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from markupsafe import Markup

Format = Callable[[float], str]


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


def short(value: float) -> str:
    """A number in few letters: 0.007, 12.5, 1,250, 30k, 2.1M."""
    for least, unit, letter in ((1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / unit:.4g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(value: float) -> str:
    """A share in 0..1 as percent: 0.725 is "72.5%"."""
    return f"{100 * value:.4g}%"


def ends(low: float | None, high: float | None, form: Format) -> str:
    """An interval to follow its value, as " [0.1, 0.2]", or nothing where there is none."""
    return "" if low is None or high is None else f" [{form(low)}, {form(high)}]"


def frame(x: Scale, y: Scale, *, x_label: str, x_format: Format = short, y_format: Format = short) -> Markup:
    """Grid lines, ticks and the x axis's name; the ticks of y stand in the chart's left padding, those of x below."""
    parts = []
    for value in y.ticks():
        at = 100 - y.at(value)
        parts.append(
            Markup('<line class="grid" x1="0" x2="100%" y1="{0}%" y2="{0}%"/>').format(at)
            + Markup('<text class="tick" x="-8" y="{}%" dy=".32em" text-anchor="end">{}</text>').format(
                at, y_format(value)
            )
        )
    for value in x.ticks():
        parts.append(
            Markup('<text class="tick" x="{}%" y="100%" dy="1.5em" text-anchor="middle">{}</text>').format(
                x.at(value), x_format(value)
            )
        )
    parts.append(Markup('<line class="axis" x1="0" x2="100%" y1="100%" y2="100%"/>'))
    parts.append(
        Markup('<text class="axis-name" x="100%" y="100%" dy="2.9em" text-anchor="end">{}</text>').format(x_label)
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
