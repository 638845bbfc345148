"""Charts of shares: a bar with its interval, and a whole cut into its parts."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from segkit.report.numbers import interval, short, short_percent
from segkit.report.svg import NOTHING, shortened, svg

COLOURS = 9
"""The style has so many colours for parts; then they begin again."""
_ROW = 21  # pixels of the legend


def bar(value: float | None, ends: Sequence[float] | None, *, label: str) -> Markup:
    """One bar of a share in 0..1 on a scale from 0 to 1, with the whisker of its interval, for a cell of a table."""
    told = f"{label}: there is none"
    parts = [Markup('<rect class="track" x="0" y="5" width="100%" height="8" rx="2"/>')]
    if value is not None:
        told = f"{label}: {short_percent(value)} {interval(ends, short_percent)}".rstrip()
        filled = Markup('<rect class="filled" x="0" y="5" width="{:.3f}%" height="8" rx="2"/>')
        parts.append(filled.format(100 * value))
    if ends is not None:
        line = Markup('<line class="whisker" x1="{:.3f}%" x2="{:.3f}%" y1="{}" y2="{}"/>')
        low, high = (100 * end for end in ends)
        parts += [line.format(low, high, 9, 9), line.format(low, low, 5, 13), line.format(high, high, 5, 13)]
    return svg("bar", 18, told, [Markup("<title>{}</title>").format(told), *parts])


def stacked_bar(parts: Mapping[str, float], *, label: str) -> Markup:
    """One bar of the whole, cut into its parts by name, none negative, above a legend with the share of each."""
    whole = sum(parts.values())
    if not whole:
        return svg("stack", 40, f"{label}: there is nothing to show", [NOTHING])
    drawn, rows, left = [], [], 0.0
    for number, (name, amount) in enumerate(parts.items()):
        width, told = 100 * amount / whole, f"{short(amount)} ({amount / whole:.1%})"
        part = Markup(
            '<rect class="fill-{}" x="{:.3f}%" y="0" width="{:.3f}%" height="100%"><title>{}: {}</title></rect>'
        )
        drawn.append(part.format(number % COLOURS, left, width, name, told))
        rows.append(_legend_row(number, name, told))
        left += width
    below = 12 + _ROW * len(parts)
    return svg("stack", 26 + below, label, [*drawn, *rows], below=below)


def _legend_row(number: int, name: str, told: str) -> Markup:
    """A row below the bar: the part's colour, its name and its amount."""
    return Markup(
        '<svg y="100%" height="1" overflow="visible"><g transform="translate(0 {})">'
        '<rect class="fill-{}" x="0" y="-6" width="12" height="12" rx="3"/>'
        '<text class="name" x="20" dy=".35em">{}</text>'
        '<text class="value" x="100%" dy=".35em" text-anchor="end">{}</text></g></svg>'
    ).format(22 + _ROW * number, number % COLOURS, shortened(name, 34), told)
