"""The confusion matrix as a chart, and what is to be told of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from segkit.report.svg import shortened

MOST_CLASSES = 40
"""A matrix of more classes is cut down to those that are confused most."""
_SIDES = ((12, 40), (26, 26), (MOST_CLASSES, 18))
"""The side of a cell in pixels, by how many classes there are at most."""
_LEAST_FOR_A_NUMBER = 26  # pixels of a side
_LONGEST = 18  # letters of a name


class Confused(NamedTuple):
    """Pixels of the class `truth` that were taken for the class `predicted`, and their share of its pixels, in 0..1."""

    truth: int
    predicted: int
    pixels: int
    share: float


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Each row of int (N, N) counts divided by its sum, float64 (N, N) in 0..1; rows without any are 0."""
    sums = counts.sum(1, keepdims=True)
    return np.asarray(counts / np.maximum(sums, 1), np.float64)


def most_confused(counts: np.ndarray, *, pairs: int = 12) -> list[Confused]:
    """The pairs of different classes with the largest share of the truth's pixels, largest first."""
    shares = row_shares(counts)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:pairs].tolist()
    places = [divmod(place, len(counts)) for place in order]
    return [
        Confused(truth, predicted, int(counts[truth, predicted]), float(shares[truth, predicted]))
        for truth, predicted in places
        if shares[truth, predicted] > 0
    ]


def confused_classes(counts: np.ndarray, *, most: int = MOST_CLASSES) -> list[int]:
    """All classes, or the `most` with the most pixels that are wrong (missed, or taken for them), in class order."""
    wrong = counts.sum(0) + counts.sum(1) - 2 * np.diag(counts)
    return sorted(np.argsort(-wrong, kind="stable")[:most].tolist())


def matrix(counts: np.ndarray, names: Sequence[str], *, shown: Sequence[int], label: str) -> Markup:
    """The rows and columns `shown` of int (N, N) counts: rows are the truth, columns the prediction.

    A cell's shade is the square root of its share of the whole row, so that small shares are seen; cells without a
    pixel are left out. The names of the rows are a picture of their own, which stays in place when the rest is
    scrolled. Every cell has its numbers as a title, and its place as data, from which the page's script tells them.
    """
    side = next((side for most, side in _SIDES if len(shown) <= most), _SIDES[-1][1])
    shares = row_shares(counts)
    length = 12 + max((7 * min(len(names[number]), _LONGEST) for number in shown), default=0)
    top, right, below = round(length * 0.72) + 16, round(length * 0.72), side * len(shown)
    rows, columns, cells = [], [], []
    for row, truth in enumerate(shown):
        middle = top + side * (row + 0.5)
        rows.append(_name(names[truth], f'x="{length - 6}" y="{middle}" dy=".35em" text-anchor="end"'))
        x, y = side * (row + 0.5), top - 6
        columns.append(_name(names[truth], f'x="{x}" y="{y}" transform="rotate(-45 {x} {y})"'))
        for column, predicted in enumerate(shown):
            if counts[truth, predicted]:
                title = cell_told(
                    names[truth], names[predicted], int(counts[truth, predicted]), shares[truth, predicted]
                )
                cells.append(_cell(side, row, column, top, float(shares[truth, predicted]), title))
    frame = Markup('<rect class="matrix-frame" x="0" y="{0}" width="{1}" height="{1}"/>').format(top, below)
    cursor = Markup('<rect class="matrix-cursor" x="-99" y="-99" width="{0}" height="{0}"/>').format(side)
    return Markup(
        '<div class="matrix" tabindex="0" role="group" aria-label="{label}" data-side="{side}" data-top="{top}">'
        '<svg class="matrix-rows" width="{length}" height="{height}" aria-hidden="true">{rows}</svg>'
        '<svg class="matrix-cells" width="{width}" height="{height}" role="img" aria-label="{label}">{cells}</svg>'
        "</div>"
    ).format(
        label=label,
        side=side,
        top=top,
        length=length,
        height=top + below + 2,
        width=below + right,
        rows=Markup("").join(rows),
        cells=Markup("").join([*columns, frame, *cells, cursor]),
    )


def cell_told(truth: str, predicted: str, pixels: int, share: float) -> str:
    """A cell in words."""
    if truth == predicted:
        return f"{truth}: {share:.2%} right ({pixels:,} pixels)"
    return f"{truth} taken for {predicted}: {share:.2%} of its pixels ({pixels:,})"


def _name(name: str, place: str) -> Markup:
    return Markup('<text class="name" {}><title>{}</title>{}</text>').format(
        Markup(place), name, shortened(name, _LONGEST)
    )


def _cell(side: int, row: int, column: int, top: int, share: float, title: str) -> Markup:
    x, y = side * column, top + side * row
    kind = "right" if row == column else "wrong"
    drawn = Markup(
        '<g><title>{}</title><rect class="{}" x="{}" y="{}" width="{}" height="{}" fill-opacity="{:.3f}"/>'
    ).format(title, kind, x + 0.5, y + 0.5, side - 1, side - 1, share**0.5)
    if side >= _LEAST_FOR_A_NUMBER and share >= 0.005:
        dark = " on-dark" if share >= 0.3 else ""
        drawn += Markup('<text class="number{}" x="{}" y="{}" dy=".35em" text-anchor="middle">{:.0f}</text>').format(
            dark, x + side / 2, y + side / 2, 100 * share
        )
    return drawn + Markup("</g>")
