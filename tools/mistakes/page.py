"""The table for docs/mistakes.md, and the plot beside it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from segkit.base.errors import OutputError
from segkit.base.files import write_atomically
from segkit.evaluation.compare import Difference
from segkit.report.axes import Scale, fitted
from segkit.report.numbers import interval, percent, points
from tools.mistakes.catalogue import MISTAKES, REFERENCES
from tools.mistakes.changes import Findings

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PLOT = Path("images/mistakes.svg")
"""Beside the page."""

WIDTH, ROW, TOP, BOTTOM = 860, 22, 12, 46
LEFT, RIGHT = 300, 690
"""Where the bars' part of the plot begins and ends, in pixels; names stand before it, figures after it."""
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.tick { fill: #59636e; font-size: 11px }
.grid { stroke: #d8dee4 }
.zero, .whisker { stroke: #1f2328; stroke-width: 1.25 }
.lost { fill: #c4432b } .gained { fill: #2f6fb3 } .nothing { fill: #b6bec8 }
"""


def table(findings: Findings) -> str:
    """Markdown: what is held against, and every mistake's mIoU and change, in percent and points."""
    lines = ["| held against | mIoU | |", "|---|---|---|"]
    lines += [
        f"| {REFERENCES[name]} | {percent(value)} | {interval(sure)} |"
        for name, (value, sure) in findings.references.items()
    ]
    lines += ["", "| mistake | mIoU | change | 95 % interval | against |", "|---|---|---|---|---|"]
    for name, difference in findings.mistakes.items():
        mistake = MISTAKES[name]
        change = f"**{points(difference.change)}**" if difference.shown else points(difference.change)
        lines.append(
            f"| {mistake.title} | {percent(difference.b)} | {change} | {interval(difference.interval, points)} | "
            f"{REFERENCES[mistake.reference]} |"
        )
    return "\n".join(lines) + "\n"


def section(findings: Findings, about: Mapping[str, Any]) -> str:
    """What stands between the marks of the page: what was measured, the plot and the table."""
    machine = about["machine"]
    return (
        f"{findings.pictures:,} pictures of {about['split']}, weights of SHA-256 {about['weights_sha256'][:12]}, on "
        f"{machine.get('gpu') or machine['processor']}, torch {machine['torch']}, threads {machine['threads']}, "
        f"{about['hours']:.1f} hours in all. Bold: the interval leaves zero out.\n\n"
        f"![The change of the mIoU by each mistake, with its interval]({PLOT.as_posix()})\n\n{table(findings)}"
    )


def write_page(path: Path, findings: Findings, about: Mapping[str, Any]) -> None:
    """Put the section between the marks of the page, and the plot beside the page.

    Raises OutputError where the page has not got the marks.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be read ({error.strerror}): give the page that the table goes into"
        ) from None
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise OutputError(
            f"{path}: has no place for the table: write {BEGIN} and {END} around it, on lines of their own"
        )
    write_atomically(path.parent / PLOT, plot(findings.mistakes))
    write_atomically(path, f"{before}{BEGIN}\n\n{section(findings, about)}\n{END}{after}")


def plot(differences: Mapping[str, Difference]) -> str:
    """An SVG file: a bar a mistake, the costliest first, with the whisker of its interval."""
    known = {name: value for name, value in differences.items() if not math.isnan(value.change)}
    order = sorted(known, key=lambda name: known[name].change)
    ends = [100 * end for value in known.values() for end in (value.change, *value.interval)]
    scale = fitted([end for end in ends if not math.isnan(end)], zero=True)
    bottom = TOP + ROW * len(order)
    parts = [_grid(scale, bottom)]
    parts += [
        _row(MISTAKES[name].title, known[name], scale, TOP + ROW * number + ROW // 2)
        for number, name in enumerate(order)
    ]
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="The change of the mIoU by each mistake"><style>{2}</style><rect width="100%" height="100%" '
        'fill="#fff"/>'
    ).format(WIDTH, bottom + BOTTOM, Markup(_STYLE))
    return head + Markup("").join(parts) + Markup("</svg>\n")


def _grid(scale: Scale, bottom: int) -> Markup:
    parts = [
        Markup('<line class="{0}" x1="{1}" x2="{1}" y1="{2}" y2="{3}"/><text class="tick" {4}>{5}</text>').format(
            "grid" if value else "zero",
            _x(scale, value),
            TOP,
            bottom,
            Markup('x="{}" y="{}" text-anchor="middle"').format(_x(scale, value), bottom + 16),
            f"{value:+g}" if value else "0",
        )
        for value in scale.ticks(6)
    ]
    parts.append(
        Markup('<text class="tick" x="{}" y="{}" text-anchor="end">change of the mIoU, points</text>').format(
            RIGHT, bottom + 34
        )
    )
    return Markup("").join(parts)


def _row(title: str, difference: Difference, scale: Scale, middle: int) -> Markup:
    zero, end = _x(scale, 0), _x(scale, 100 * difference.change)
    kind = "nothing" if not difference.shown else "lost" if difference.change < 0 else "gained"
    low, high = (_x(scale, 100 * value) for value in difference.interval)
    whisker = Markup("").join(
        Markup('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x1, x2, middle - half, middle + half)
        for x1, x2, half in ((low, high, 0), (low, low, 3), (high, high, 3))
    )
    return (
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 10, middle + 4, title)
        + Markup('<rect class="{}" x="{}" y="{}" width="{}" height="12"/>').format(
            kind, min(zero, end), middle - 6, round(abs(end - zero), 1)
        )
        + whisker
        + Markup('<text x="{}" y="{}">{} {}</text>').format(
            RIGHT + 10, middle + 4, points(difference.change), interval(difference.interval, points)
        )
    )


def _x(scale: Scale, value: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * scale.at(value) / 100, 1)
