"""Label maps to be looked at: laid over their picture, and beside the truth."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from segkit.base.label_files import count_values
from segkit.base.labels import IGNORE, palette_table
from segkit.report.panels import PAPER, Entry, draw_legend, draw_title, font_of, side_by_side, stack

CONTOUR = (255, 255, 255)
WRONG = (255, 90, 0)
NOT_LABELLED = (125, 125, 125)
ALPHA = 0.6
"""The share of the label's colour over a picture."""

_TEXT = 0.035  # height of the text as a share of the picture's side, and its least height in pixels
_LEAST_TEXT = 12
_CONTOUR = 1 / 700  # width of a contour as a share of the picture's side
_CONTOUR_ALPHA = 0.6  # what is thinner than its own contours keeps some of its colour
_SMALL = 240  # panels of a comparison with a side under this are enlarged by a whole number
_SHEET_GAP = 12  # pixels between the cells of a contact sheet
_SHEET_TEXT = 16  # height of its legend's text in pixels


def overlay(
    picture: np.ndarray,
    label: np.ndarray,
    *,
    palette: Sequence[Sequence[int]],
    classes: Sequence[str],
    alpha: float = ALPHA,
    legend: bool = True,
) -> np.ndarray:
    """A picture under the colours of its label map, with thin contours between classes and a legend.

    `picture` is uint8 (H, W, 3), `label` uint8 (H, W); `alpha` in 0..1 is the share of the label's colour; IGNORE has
    the colour that `palette_table` gives it. The legend names the classes that occur, largest first. The result is
    uint8 (H', W', 3): the picture in its own pixels at the top left, the legend below it, beside it if the picture is
    tall and narrow, and white around. Raises ValueError for other shapes or types and for values that are no class.
    """
    _check(picture, classes, label)
    coloured = _coloured(picture, label, palette, alpha)
    entries = _occurring(count_values(label), palette, classes) if legend else []
    if not entries:
        return coloured
    height, width = label.shape
    if height > 2 * width:
        return side_by_side([coloured, draw_legend(entries, 1, _text_height(label.shape))])
    return stack([coloured, draw_legend(entries, width, _text_height(label.shape))])


def comparison(
    picture: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    *,
    palette: Sequence[Sequence[int]],
    classes: Sequence[str],
    largest: int = 1280,
) -> np.ndarray:
    """Picture, truth, prediction and errors side by side under their titles, uint8 (H', W', 3), above one legend.

    Arguments are those of `overlay`, `truth` with IGNORE. Errors are orange on the picture in light grey, what is not
    labelled is grey; the legend tells the errors' share of the labelled pixels. Small pictures are enlarged by a whole
    number, panels with a side of more than `largest` pixels shrunk to it. Raises ValueError as `overlay` does.
    """
    _check(picture, classes, truth, prediction)
    factor = math.ceil(_SMALL / _side(truth.shape))
    picture, truth, prediction = (part.repeat(factor, 0).repeat(factor, 1) for part in (picture, truth, prediction))
    wrong = (truth != prediction) & (truth != IGNORE)
    panels = {
        "picture": picture,
        "truth": _coloured(picture, truth, palette, ALPHA),
        "prediction": _coloured(picture, prediction, palette, ALPHA),
        "errors": _errors(picture, wrong, truth == IGNORE),
    }
    panels = {title: _shrunk(panel, largest) for title, panel in panels.items()}
    text = _text_height(panels["picture"].shape)
    titled = [stack([draw_title(title, text), panel]) for title, panel in panels.items()]
    row = side_by_side(titled, gap=text // 3)
    labelled = np.count_nonzero(truth != IGNORE)
    entries = _occurring(count_values(truth) + count_values(prediction), palette, classes)
    entries.append((WRONG, f"wrong ({np.count_nonzero(wrong) / max(int(labelled), 1):.1%})"))
    if labelled < truth.size:
        entries.append((NOT_LABELLED, "not labelled"))
    return stack([row, draw_legend(entries, row.shape[1], text)])


def contact_sheet(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    palette: Sequence[Sequence[int]],
    classes: Sequence[str],
    side: int = 240,
    alpha: float = ALPHA,
) -> np.ndarray:
    """Pictures, each with the same under its label beside it, in rows above one legend: uint8 (H', W', 3).

    `pairs` are one or more pictures, uint8 (H, W, 3), and labels, uint8 (H, W), drawn with at most `side` pixels a
    side; other arguments are those of `overlay`. Raises ValueError as `overlay` does.
    """
    cells, pixels = [], np.zeros(256, np.int64)
    for picture, label in pairs:
        _check(picture, classes, label)
        pixels += count_values(label)
        image = Image.fromarray(picture)
        image.thumbnail((side, side), Image.Resampling.BOX)
        small = np.asarray(Image.fromarray(label).resize(image.size, Image.Resampling.NEAREST))
        cells.append(side_by_side([np.asarray(image), _coloured(np.asarray(image), small, palette, alpha)], gap=4))
    columns = math.ceil(math.sqrt(len(cells)))
    width = max(cell.shape[1] for cell in cells)
    rows = []
    for first in range(0, len(cells), columns):
        row = [_framed(cell, width) for cell in cells[first : first + columns]]
        rows.append(side_by_side(row, gap=_SHEET_GAP))
    entries = _occurring(pixels, palette, classes)
    if pixels[IGNORE]:
        colour = tuple(palette_table(palette)[IGNORE].tolist())
        entries.append((colour, "not labelled (255)"))
    return stack([*rows, draw_legend(entries, max(row.shape[1] for row in rows), _SHEET_TEXT)])


def _framed(cell: np.ndarray, width: int) -> np.ndarray:
    """A cell in white, `width` pixels wide, with room below it."""
    framed = np.full((len(cell) + _SHEET_GAP, width, 3), PAPER, np.uint8)
    framed[: len(cell), : cell.shape[1]] = cell
    return framed


def _check(picture: np.ndarray, classes: Sequence[str], *labels: np.ndarray) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise ValueError(f"a picture is uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
    for label in labels:
        if label.dtype != np.uint8 or label.shape != picture.shape[:2]:
            raise ValueError(
                f"a label of a {picture.shape} picture is uint8 of its size, not {label.dtype} {label.shape}"
            )
        if count_values(label)[len(classes) : IGNORE].any():
            raise ValueError(f"a label has values that are none of the {len(classes)} classes")


def _occurring(pixels: np.ndarray, palette: Sequence[Sequence[int]], classes: Sequence[str]) -> list[Entry]:
    colours = [tuple(colour) for colour in palette_table(palette).tolist()]
    order = np.argsort(-pixels[: len(classes)], kind="stable")
    return [(colours[label], _legible(classes, label)) for label in order.tolist() if pixels[label]]


def _legible(classes: Sequence[str], label: int) -> str:
    """The name of a class, or its number where no font has its letters."""
    return f"class {label}" if font_of(classes[label]) is None else classes[label]


def _coloured(picture: np.ndarray, label: np.ndarray, palette: Sequence[Sequence[int]], alpha: float) -> np.ndarray:
    colours = Image.fromarray(palette_table(palette)[label])
    result = np.array(Image.blend(Image.fromarray(picture), colours, alpha))
    edges = _contours(label, max(1, round(_side(label.shape) * _CONTOUR)))
    result[edges] = np.round((1 - _CONTOUR_ALPHA) * result[edges] + _CONTOUR_ALPHA * np.array(CONTOUR))
    return result


def _contours(label: np.ndarray, width: int) -> np.ndarray:
    """Where two classes meet; a border of IGNORE between them is a contour already."""
    edges = np.zeros(label.shape, bool)
    for shifted, here in ((label[width:], np.s_[:-width]), (label[:, width:], np.s_[:, :-width])):
        own = label[here]
        edges[here] |= (own != shifted) & (own != IGNORE) & (shifted != IGNORE)
    return edges


def _errors(picture: np.ndarray, wrong: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    result = np.array(pale(Image.fromarray(picture)))
    result[ignored] = NOT_LABELLED
    result[wrong] = WRONG
    return result


def pale(picture: Image.Image) -> Image.Image:
    """A picture in light grey, so that errors in their colour are seen on it."""
    return Image.merge("RGB", [picture.convert("L").point([175 + value * 80 // 255 for value in range(256)])] * 3)


def _side(shape: tuple[int, ...]) -> float:
    """The side of a square of as many pixels: what sizes are relative to, whatever the picture's proportions."""
    return math.sqrt(shape[0] * shape[1])


def _text_height(shape: tuple[int, ...]) -> int:
    return max(_LEAST_TEXT, round(_side(shape) * _TEXT))


def _shrunk(panel: np.ndarray, largest: int) -> np.ndarray:
    image = Image.fromarray(panel)
    image.thumbnail((largest, largest), Image.Resampling.BOX)
    return np.array(image)
