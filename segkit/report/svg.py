"""What all charts are made of.

Places are in percent of the chart and sizes of text in pixels, so that a chart is as wide as the page lets it be and
its text keeps its size on a phone. What stands around a drawing (ticks) is in the padding that the page's style gives
it, and all colours are the style's, so that they follow its theme.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

NOTHING = Markup('<text class="tick" x="50%" y="50%" text-anchor="middle">nothing to show</text>')
"""What an empty chart says."""


def svg(kind: str, height: int, label: str, parts: Iterable[Markup], *, below: int | None = None) -> Markup:
    """A chart `height` pixels high, named `label` for those who do not see it.

    `below` pixels of the height are the padding below the drawing, where the style's are not enough.
    """
    padding = "" if below is None else f";padding-bottom:{below}px"
    style = f"height:{height}px{padding}"
    head = Markup('<svg class="chart {}" style="{}" role="img" aria-label="{}">').format(kind, style, label)
    return head + Markup("").join(parts) + Markup("</svg>")


def shortened(name: str, most: int) -> str:
    """A name of at most so many letters, its end replaced by dots where it has more."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def path(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    """A line through points given in percent (x from the left, y from the top), however the chart is stretched."""
    steps = " ".join(f"{x:.6g},{y:.6g}" for x, y in points)
    return Markup(
        '<svg viewBox="0 0 100 100" width="100%" height="100%" preserveAspectRatio="none" overflow="visible">'
        '<polyline class="{}" points="{}"/></svg>'
    ).format(kind, steps)
