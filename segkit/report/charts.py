"""Charts with axes: a curve, and points with their Pareto front."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from segkit.report.axes import Axes, Scale, fitted
from segkit.report.numbers import Format, interval, short, short_percent
from segkit.report.svg import NOTHING, path, svg

MOST_POINTS = 600
"""A curve of more points is drawn through the means of neighbours."""
MOST_MARKS = 120
"""So many points of a curve tell their values to a pointer."""

Series = Sequence[tuple[float, float | None]]
"""What was measured at which x; None is a gap."""


class Point(NamedTuple):
    """A point of a scatter with its number in the table beside it; `ends` are those of the interval of its `y`."""

    number: int
    name: str
    x: float
    y: float
    ends: Sequence[float] | None = None


def curve(series: Series, *, label: str, y_format: Format = short, zero: bool = False) -> Markup:
    """A curve over the iterations of a training, y from 0 where `zero`.

    Every point tells its values to a pointer, up to MOST_MARKS of them.
    """
    points = _thinned(series)
    known = [(x, y) for x, y in points if y is not None]
    if not known:
        return svg("plot", 200, f"{label}: nothing was measured", [NOTHING])
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    x_scale = Scale(first, last) if first < last else fitted([first], zero=True)
    axes = Axes(x_scale, fitted((y for _, y in known), zero=zero), "iteration", short, y_format)
    parts = [axes.frame()]
    for run in _runs(points):
        places = [axes.at(x, y) for x, y in run]
        parts.append(path(places, "curve"))
        if len(places) <= 40:
            parts += [Markup('<circle class="dot" cx="{}%" cy="{:.6g}%" r="3"/>').format(x, y) for x, y in places]
    return svg("plot", 240, label, [*parts, *_marks(known, axes)])


def scatter(
    points: Sequence[Point], *, label: str, x_label: str, x_format: Format = short, twins: Sequence[Point] = ()
) -> Markup:
    """Shares over a cost, by its logarithm: numbered points, the whiskers of their intervals, and their Pareto front.

    `twins` are further points, each with the name and number of one of `points`, drawn as squares.
    """
    if not points:
        return svg("plot scatter", 200, f"{label}: there are no points", [NOTHING])
    everything = [*points, *twins]
    heights = [height for point in everything for height in (point.y, *(point.ends or ()))]
    x_scale = fitted((point.x for point in everything), log=True)
    axes = Axes(x_scale, fitted(heights), x_label, x_format, short_percent)
    front = pareto_front(points)
    parts = [axes.frame(), path([axes.at(point.x, point.y) for point in front], "front")]
    # What is on the front is drawn last, over the others.
    parts += [_point(point, "point", axes) for point in points if point not in front]
    parts += [_point(twin, "twin", axes) for twin in twins]
    parts += [_point(point, "best", axes) for point in points if point in front]
    return svg("plot scatter", 386, label, parts)


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats, by x: less x is better, and more y."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, -point.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front


def _thinned(points: Series) -> Series:
    each = math.ceil(len(points) / MOST_POINTS)
    thin: list[tuple[float, float | None]] = []
    for first in range(0, len(points), max(each, 1)):
        group = points[first : first + each]
        known = [y for _, y in group if y is not None]
        thin.append((group[-1][0], sum(known) / len(known) if known else None))
    return thin


def _runs(points: Series) -> list[list[tuple[float, float]]]:
    """The stretches of a curve between its gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append((x, y))
    return [run for run in runs if run]


def _marks(known: Sequence[tuple[float, float]], axes: Axes) -> list[Markup]:
    """Upright stripes that show the values of a point while the pointer is on them; the style hides the rest."""
    marked = known[:: math.ceil(len(known) / MOST_MARKS)]
    places = [axes.at(x, y) for x, y in marked]
    borders = [0.0, *((a + b) / 2 for (a, _), (b, _) in pairwise(places)), 100.0]
    parts = []
    for (x, y), (left, top), (begin, end) in zip(marked, places, pairwise(borders), strict=True):
        told = f"{axes.y_format(y)} at {axes.x_label} {x:,g}"
        side = "start" if left < 33 else "middle" if left < 67 else "end"
        mark = Markup(
            '<g class="mark"><rect x="{0:.6g}%" y="0" width="{1:.6g}%" height="100%"/>'
            '<line x1="{2}%" x2="{2}%" y1="0" y2="100%"/><circle cx="{2}%" cy="{3:.6g}%" r="4"/>'
            '<text x="{2}%" y="0" dy="-.5em" text-anchor="{4}">{5}</text></g>'
        )
        parts.append(mark.format(begin, end - begin, left, top, side, told))
    return parts


def _point(point: Point, kind: str, axes: Axes) -> Markup:
    """A circle with the point's number, around (6, 0) of its place, a square for a twin; and its whisker."""
    x, y = axes.at(point.x, point.y)
    told = f"{point.name}: {axes.y_format(point.y)} {interval(point.ends, axes.y_format)}".rstrip()
    whisker = Markup("")
    if point.ends is not None:
        low, high = (axes.at(point.x, end)[1] for end in point.ends)
        whisker = Markup('<line class="whisker" x1="{0}%" x2="{0}%" y1="{1}%" y2="{2}%"/>').format(x, low, high)
    shape = Markup('<circle cx="6" cy="0" r="8.5"/>')
    if kind == "twin":
        shape = Markup('<rect x="-2" y="-8" width="16" height="16" rx="2"/>')
    return Markup(
        '<g data-point="{}"><title>{} at {}</title>{}<svg x="{}%" y="{}%" overflow="visible">'
        '<g transform="translate(-6 0)"><g class="{}">{}<text x="6" dy=".35em" text-anchor="middle">{}</text></g></g>'
        "</svg></g>"
    ).format(point.name, told, axes.x_format(point.x), whisker, x, y, kind, shape, point.number)
