"""Pictures for a page: small enough to be in it, and what is told of each."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from segkit.base.label_files import indexed
from segkit.base.labels import IGNORE, palette_table
from segkit.base.pictures import encoded
from segkit.report.overlay import ALPHA, NOT_LABELLED, WRONG, pale

LONGEST = 512
"""The longest side of a picture and its layers in a viewer, in pixels."""
THUMBNAIL_WIDTH = 160
"""The width of each of the two parts of a thumbnail, in pixels."""
THUMBNAIL_QUALITY = 60
OVERLAID = 320
"""The longest side of each of the two parts of an overlaid picture, in pixels."""
_ALPHA = 0.5  # the share of the label's colour in a thumbnail
_TALLEST = 2.0  # height of a part of a thumbnail, in widths
_TRANSPARENT = 254  # of the layer of errors; its other values are 0 and 1


@dataclass(frozen=True)
class Layers:
    """A picture and what lies over it, encoded, all of one size of at most LONGEST pixels a side.

    `picture` is WebP; `truth`, `prediction` and `errors` are indexed PNGs, transparent where the label is IGNORE and,
    of the errors, where the prediction is right.
    """

    width: int
    height: int
    picture: bytes
    truth: bytes
    prediction: bytes
    errors: bytes


@dataclass(frozen=True)
class PictureRow:
    """What is told of a picture; shares in 0..1, None where nothing is labelled.

    `pixels` are the labelled ones; `labelled` and `only_predicted` are class numbers; `thumbnail` is a WebP.
    """

    name: str
    miou: float | None
    right: float | None
    pixels: int
    labelled: tuple[int, ...]
    only_predicted: tuple[int, ...]
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class Example:
    """A picture chosen to be looked at closely: its place among the rows, why it was chosen, and its layers."""

    row: int
    group: str
    layers: Layers


@dataclass(frozen=True)
class PageGallery:
    """The pictures of a page; `note` says what was left out."""

    rows: tuple[PictureRow, ...]
    examples: tuple[Example, ...] = ()
    note: str = ""


def layers(picture: np.ndarray, truth: np.ndarray, prediction: np.ndarray, palette: Sequence[Sequence[int]]) -> Layers:
    """The layers of a picture, uint8 (H, W, 3), with its label maps, uint8 (H, W), `truth` with IGNORE."""
    small = _fitted(Image.fromarray(picture), LONGEST, LONGEST, Image.Resampling.LANCZOS)
    truth, prediction = (
        np.array(Image.fromarray(label).resize(small.size, Image.Resampling.NEAREST)) for label in (truth, prediction)
    )
    ignored = truth == IGNORE
    errors = np.where(truth != prediction, 1, _TRANSPARENT).astype(np.uint8)
    errors[ignored] = 0
    return Layers(
        *small.size,
        picture=encoded(small, "WEBP", quality=80, method=4),
        truth=_indexed(truth, palette, transparent=IGNORE),
        prediction=_indexed(prediction, palette, transparent=IGNORE),
        errors=_indexed(errors, (NOT_LABELLED, WRONG), transparent=_TRANSPARENT),
    )


def thumbnail(
    picture: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    palette: Sequence[Sequence[int]],
    *,
    width: int = THUMBNAIL_WIDTH,
    quality: int = THUMBNAIL_QUALITY,
) -> bytes:
    """The picture under its prediction, and beside it under its errors, as a WebP of about 3 KB.

    Arguments as those of `layers`; each part is `width` pixels wide (less where the picture is tall and narrow), errors
    are orange on grey, what is not labelled is grey. `quality` is WebP's, in 0..100.
    """
    small = _fitted(Image.fromarray(picture), width, round(_TALLEST * width), Image.Resampling.BOX)
    coloured = Image.fromarray(palette_table(palette)[prediction]).resize(small.size, Image.Resampling.BOX)
    errors = pale(small)
    for colour, where in ((NOT_LABELLED, truth == IGNORE), (WRONG, (truth != prediction) & (truth != IGNORE))):
        share = Image.fromarray(where.astype(np.uint8) * 255).resize(small.size, Image.Resampling.BOX)
        errors.paste(colour, mask=share)
    both = Image.new("RGB", (2 * small.width, small.height))
    both.paste(Image.blend(small, coloured, _ALPHA), (0, 0))
    both.paste(errors, (small.width, 0))
    return encoded(both, "WEBP", quality=quality, method=4)


def overlaid(
    picture: np.ndarray,
    label: np.ndarray | None,
    palette: Sequence[Sequence[int]],
    *,
    stored: np.ndarray | None = None,
) -> bytes:
    """A picture and beside it the same under the colours of its label, as a WebP; arguments as those of `layers`.

    Without a label `stored`, uint8 (h, w, 3), is beside it, or grey. Each part is at most OVERLAID pixels a side.
    """
    small = _fitted(Image.fromarray(picture), OVERLAID, OVERLAID, Image.Resampling.LANCZOS)
    both = Image.new("RGB", (2 * small.width, small.height), NOT_LABELLED)
    both.paste(small, (0, 0))
    if label is None and stored is not None:
        beside = Image.fromarray(stored)
        beside.thumbnail(small.size, Image.Resampling.BOX)
        both.paste(beside, (small.width, 0))
    elif label is not None:
        coloured = Image.fromarray(palette_table(palette)[label]).resize(small.size, Image.Resampling.BOX)
        both.paste(Image.blend(small, coloured, ALPHA), (small.width, 0))
    return encoded(both, "WEBP", quality=75, method=4)


def data_uri(data: bytes) -> str:
    """A WebP or PNG file as an address that holds it."""
    kind = "png" if data.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


def _fitted(image: Image.Image, width: int, height: int, resampling: Image.Resampling) -> Image.Image:
    factor = min(width / image.width, height / image.height, 1)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, resampling, reducing_gap=3.0)


def _indexed(label: np.ndarray, palette: Sequence[Sequence[int]], *, transparent: int) -> bytes:
    return encoded(indexed(label, palette), "PNG", optimize=True, transparency=transparent)
