"""Charts with axes: curves, and points with their Pareto front."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from segkit.report.axes import Format, Scale, ends, fitted, frame, percent, short
from segkit.report.svg import COLOURS, LEGEND_ROW, legend, nothing, path, square, svg

MOST_POINTS = 600
"""A curve of more points is drawn through the means of neighbours."""
MOST_MARKS = 120
"""So many points of a curve tell their values to a pointer."""
_BELOW = 46  # pixels from the end of a drawing to its legend


class Point(NamedTuple):
    """A point of a scatter; `low` and `high` are the ends of the interval of its `y`."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


def lines(
    series: Mapping[str, Sequence[tuple[float, float | None]]],
    *,
    label: str,
    x_label: str = "iteration",
    y_format: Format = short,
    zero: bool = False,
) -> Markup:
    """Curves by name on common axes, y from 0 where `zero`; a y of None is a gap.

    Every point tells its values to a pointer, up to MOST_MARKS of them.
    """
    drawn = {name: _thinned(points) for name, points in series.items()}
    known = [(x, y) for points in drawn.values() for x, y in points if y is not None]
    if not known:
        return svg("plot", 200, f"{label}: nothing was measured", [nothing()])
    x_ends = [x for points in drawn.values() for x, _ in points]
    x_scale = Scale(min(x_ends), max(x_ends)) if min(x_ends) < max(x_ends) else fitted(x_ends, zero=True)
    y_scale = fitted((y for _, y in known), zero=zero)
    parts = [frame(x_scale, y_scale, x_label=x_label, y_format=y_format)]
    for number, points in enumerate(drawn.values()):
        for run in _runs(points):
            places = [(x_scale.at(x), 100 - y_scale.at(y)) for x, y in run]
            parts.append(path(places, f"curve colour-{number % COLOURS}"))
            if len(places) <= 40:
                parts += [_dot(x, y, number) for x, y in places]
    parts.append(_marks(drawn, x_scale, y_scale, x_label, y_format))
    if len(drawn) == 1:
        return svg("plot", 240, label, parts)
    rows = [(square(number), name, "") for number, name in enumerate(drawn)]
    below = _BELOW + LEGEND_ROW * len(rows)
    return svg("plot", 210 + below, label, [*parts, legend(rows, first=_BELOW + 10)], below=below)


def scatter(
    points: Sequence[Point],
    *,
    label: str,
    x_label: str,
    twins: Sequence[Point] = (),
    log: bool = False,
    numbers: Mapping[str, int] | None = None,
    x_format: Format = short,
    y_format: Format = percent,
) -> Markup:
    """Points with names, with the whiskers of their intervals, and the front of those that no other point beats.

    A point is on the front unless another has no greater x and a greater y, or the same y at less. `twins` are further
    points, each with the name of one of `points`, whose number it shows in a square. `log` is for x. Points are
    numbered by x and a key below has their names, unless they are given the `numbers` of a table beside the chart.
    """
    if not points:
        return svg("plot scatter", 200, f"{label}: there are no points", [nothing()])
    everything = [*points, *twins]
    x_scale = fitted((point.x for point in everything), log=log)
    heights = [end for point in everything for end in (point.y, point.low, point.high) if end is not None]
    y_scale = fitted(heights)
    parts = [frame(x_scale, y_scale, x_label=x_label, x_format=x_format, y_format=y_format)]
    front = pareto_front(points)
    parts.append(path([(x_scale.at(point.x), 100 - y_scale.at(point.y)) for point in front], "front"))
    order = sorted(points, key=lambda point: (point.x, point.y))
    shown = numbers or {point.name: number for number, point in enumerate(order, 1)}
    kinds = [*((point, "best" if point in front else "point") for point in points), *((twin, "twin") for twin in twins)]
    for point, kind in sorted(kinds, key=lambda drawn: drawn[1] == "best"):  # drawn last, over the others
        parts.append(_point(point, _numbered(shown[point.name], kind), x_scale, y_scale, x_format, y_format))
    if numbers:
        return svg("plot scatter", 386, label, parts)
    rows = []
    for point in order:
        mark = _numbered(shown[point.name], "best" if point in front else "point")
        rows.append((mark, point.name, f"{y_format(point.y)} at {x_format(point.x)}"))
    below = _BELOW + LEGEND_ROW * len(rows)
    return svg("plot scatter", 340 + below, label, [*parts, legend(rows, first=_BELOW + 10)], below=below)


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats, by x: less x is better, and more y."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, -point.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front


def _dot(x: float, y: float, number: int) -> Markup:
    return Markup('<circle class="dot fill-{}" cx="{}%" cy="{:.6g}%" r="3"/>').format(number % COLOURS, x, y)


def _thinned(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    each = math.ceil(len(points) / MOST_POINTS)
    if each < 2:
        return list(points)
    thin: list[tuple[float, float | None]] = []
    for first in range(0, len(points), each):
        group = points[first : first + each]
        known = [y for _, y in group if y is not None]
        thin.append((group[-1][0], sum(known) / len(known) if known else None))
    return thin


def _runs(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    """The stretches of a curve between its gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append((x, y))
    return [run for run in runs if run]


def _marks(
    series: Mapping[str, Sequence[tuple[float, float | None]]],
    x_scale: Scale,
    y_scale: Scale,
    x_label: str,
    y_format: Format,
) -> Markup:
    """Upright stripes that show the values of a point while the pointer is on them; the style hides the rest."""
    named = len(series) > 1
    known = sorted((x, y, f"{name} " * named) for name, points in series.items() for x, y in points if y is not None)
    marked = known[:: math.ceil(len(known) / MOST_MARKS)]
    places = [x_scale.at(x) for x, _, _ in marked]
    borders = [0.0, *((a + b) / 2 for a, b in pairwise(places)), 100.0]
    parts = []
    for (x, y, name), place, (left, right) in zip(marked, places, pairwise(borders), strict=True):
        told = f"{name}{y_format(y)} at {x_label} {x:,g}"
        side = "start" if place < 33 else "middle" if place < 67 else "end"
        parts.append(
            Markup('<g class="mark"><rect x="{:.6g}%" y="0" width="{:.6g}%" height="100%"/>').format(left, right - left)
            + Markup('<line x1="{0}%" x2="{0}%" y1="0" y2="100%"/><circle cx="{0}%" cy="{1:.6g}%" r="4"/>').format(
                place, 100 - y_scale.at(y)
            )
            + Markup('<text x="{}%" y="0" dy="-.5em" text-anchor="{}">{}</text></g>').format(place, side, told)
        )
    return Markup("").join(parts)


def _point(point: Point, mark: Markup, x_scale: Scale, y_scale: Scale, x_format: Format, y_format: Format) -> Markup:
    x, y = x_scale.at(point.x), 100 - y_scale.at(point.y)
    told = f"{point.name}: {y_format(point.y)}{ends(point.low, point.high, y_format)} at {x_format(point.x)}"
    whisker = Markup("")
    if point.low is not None and point.high is not None:
        low, high = (100 - y_scale.at(end) for end in (point.low, point.high))
        whisker = Markup('<line class="whisker" x1="{0}%" x2="{0}%" y1="{1}%" y2="{2}%"/>').format(x, low, high)
    return Markup(
        '<g data-point="{}"><title>{}</title>{}<svg x="{}%" y="{}%" overflow="visible">'
        '<g transform="translate(-6 0)">{}</g></svg></g>'
    ).format(point.name, told, whisker, x, y, mark)


def _numbered(number: int, kind: str) -> Markup:
    """A circle with a number, around (6, 0); a square for a twin."""
    shape = Markup('<circle cx="6" cy="0" r="8.5"/>')
    if kind == "twin":
        shape = Markup('<rect x="-2" y="-8" width="16" height="16" rx="2"/>')
    return Markup('<g class="{}">{}<text x="6" dy=".35em" text-anchor="middle">{}</text></g>').format(
        kind, shape, number
    )
