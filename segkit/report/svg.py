"""What all charts are made of.

Places are in percent of the chart and sizes of text in pixels, so that a chart is as wide as the page lets it be and
its text keeps its size on a phone. What stands around a drawing (ticks) is in the padding that the page's style gives
it, and all colours are the style's, so that they follow its theme.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

LEGEND_ROW = 21
COLOURS = 9
"""The style has so many colours for curves and parts; then they begin again."""


def svg(kind: str, height: int, label: str, parts: Iterable[Markup], *, below: int | None = None) -> Markup:
    """A chart `height` pixels high, named `label` for those who do not see it.

    `below` pixels of the height are the padding below the drawing, where the style's are not enough.
    """
    padding = "" if below is None else f";padding-bottom:{below}px"
    style = f"height:{height}px{padding}"
    head = Markup('<svg class="chart {}" style="{}" role="img" aria-label="{}">').format(kind, style, label)
    return head + Markup("").join(parts) + Markup("</svg>")


def legend(rows: Sequence[tuple[Markup, str, str]], *, first: int) -> Markup:
    """Rows of LEGEND_ROW pixels below a drawing, from `first` pixels on: a mark around (6, 0), a name and a value."""
    return Markup("").join(
        Markup(
            '<svg y="100%" height="1" overflow="visible"><g transform="translate(0 {})">{}'
            '<text class="name" x="20" dy=".35em">{}</text>'
            '<text class="value" x="100%" dy=".35em" text-anchor="end">{}</text></g></svg>'
        ).format(first + LEGEND_ROW * number, mark, shortened(name, 34), value)
        for number, (mark, name, value) in enumerate(rows)
    )


def square(number: int) -> Markup:
    """The mark in a legend of the colour of the curve or the part `number`."""
    return Markup('<rect class="fill-{}" x="0" y="-6" width="12" height="12" rx="3"/>').format(number % COLOURS)


def shortened(name: str, most: int) -> str:
    """A name of at most so many letters, its end replaced by dots where it has more."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def nothing() -> Markup:
    """What an empty chart says."""
    return Markup('<text class="tick" x="50%" y="50%" text-anchor="middle">nothing to show</text>')


def path(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    """A line through points given in percent (x from the left, y from the top), however the chart is stretched."""
    steps = " ".join(f"{x:.6g},{y:.6g}" for x, y in points)
    return Markup(
        '<svg viewBox="0 0 100 100" width="100%" height="100%" preserveAspectRatio="none" overflow="visible">'
        '<polyline class="{}" points="{}"/></svg>'
    ).format(kind, steps)
