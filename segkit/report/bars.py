"""Charts of shares: a bar with its interval, and a whole cut into its parts."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from segkit.report.axes import Format, ends, percent, short
from segkit.report.svg import COLOURS, LEGEND_ROW, legend, nothing, square, svg


class Part(NamedTuple):
    """A part of a stacked bar; `amount` is not negative."""

    name: str
    amount: float


def bar(value: float | None, low: float | None = None, high: float | None = None, *, label: str) -> Markup:
    """One bar of a share in 0..1 on a scale from 0 to 1, with the whisker of its interval, for a cell of a table."""
    told = f"{label}: {_told(value, low, high)}"
    return svg("bar", 18, told, [Markup("<title>{}</title>").format(told), _bar(value, low, high, 9)])


def stacked_bar(parts: Sequence[Part], *, label: str, value_format: Format = short) -> Markup:
    """One bar of the whole, cut into its parts, above a legend with the amount and share of each."""
    whole = sum(part.amount for part in parts)
    if not whole:
        return svg("stack", 40, f"{label}: there is nothing to show", [nothing()])
    drawn, rows, left = [], [], 0.0
    for number, part in enumerate(parts):
        share = 100 * part.amount / whole
        told = f"{value_format(part.amount)} ({share:.1f}%)"
        drawn.append(
            Markup(
                '<rect class="fill-{}" x="{:.3f}%" y="0" width="{:.3f}%" height="100%"><title>{}: {}</title></rect>'
            ).format(number % COLOURS, left, share, part.name, told)
        )
        rows.append((square(number), part.name, told))
        left += share
    below = 12 + LEGEND_ROW * len(parts)
    return svg("stack", 26 + below, label, [*drawn, legend(rows, first=22)], below=below)


def _bar(value: float | None, low: float | None, high: float | None, middle: int) -> Markup:
    parts = [Markup('<rect class="track" x="0" y="{}" width="100%" height="8" rx="2"/>').format(middle - 4)]
    if value is not None:
        parts.append(
            Markup('<rect class="filled" x="0" y="{}" width="{:.3f}%" height="8" rx="2"/>').format(
                middle - 4, 100 * value
            )
        )
    if low is not None and high is not None:
        for x1, x2, half in ((low, high, 0), (low, low, 4), (high, high, 4)):
            parts.append(
                Markup('<line class="whisker" x1="{:.3f}%" x2="{:.3f}%" y1="{}" y2="{}"/>').format(
                    100 * x1, 100 * x2, middle - half, middle + half
                )
            )
    return Markup("").join(parts)


def _told(value: float | None, low: float | None, high: float | None) -> str:
    return "there is none" if value is None else percent(value) + ends(low, high, percent)
