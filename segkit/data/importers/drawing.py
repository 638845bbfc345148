"""Annotations as masks: polygons, run lengths and small PNGs, checked before anything large is made of them."""

import base64
import binascii
import io
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.pictures import MAX_PIXELS
from segkit.data.importers.export import Draw

Mask = Callable[[int, int], np.ndarray]
"""(height, width) -> bool (height, width): where an object is."""

Layer = tuple[str, Mask]
"""The name of a class and where it is."""


def paint(layers: Sequence[Layer], numbers: Mapping[str, int], *, smaller_on_top: bool = False) -> Draw:
    """What draws the layers over class 0, later ones over earlier ones, or smaller ones over larger ones.

    `numbers` are those of the classes' names, which may be given them until it draws.
    """

    def draw(height: int, width: int) -> np.ndarray:
        masks = ((numbers[name], mask(height, width)) for name, mask in layers)
        label = np.zeros((height, width), np.uint8)
        for number, mask in sorted(masks, key=lambda item: -int(item[1].sum())) if smaller_on_top else masks:
            label[mask] = number
        return label

    return draw


def points_of(values: Any, *, height: int, width: int, least: int = 3) -> np.ndarray:
    """Corners as float (N, 2), x then y in pixels; DataError unless there are `least` of them, all finite numbers.

    What lies further outside than the picture is large is moved there: nothing of the picture changes its side.
    """
    try:
        points = np.asarray(values, np.float64).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError):
        raise DataError("a polygon is not a list of x and y: export it again") from None
    if len(points) < least:
        raise DataError(f"a polygon has {len(points)} corners instead of at least {least}: finish or remove it")
    if not np.isfinite(points).all():
        raise DataError("a polygon has a corner that is no number (NaN or infinite): correct it")
    return np.clip(points, -10 * max(height, width), 11 * max(height, width))


def filled(polygons: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
    """Polygons of whole pixels, int32 (N, 2), filled by OpenCV with their outlines: bool (height, width)."""
    mask = np.zeros((height, width), np.uint8)
    for points in polygons:
        cv2.fillPoly(mask, [points.astype(np.int32)], 1)
    return mask.astype(bool)


def coco_mask(segmentation: Any, height: int, width: int) -> np.ndarray:
    """COCO's `segmentation` of an object, as polygons or as run lengths (RLE): bool (height, width).

    Raises DataError where it is neither, or of another size, and as `coco_polygons` and `runs_mask` do.
    """
    if not isinstance(segmentation, dict):
        return coco_polygons(segmentation, height, width)
    if [int(side) for side in segmentation["size"]] != [height, width]:
        raise DataError(f"an object is of {segmentation['size']} pixels, not of its picture's {[height, width]}")
    counts = segmentation["counts"]
    if isinstance(counts, str):
        counts = coco_counts(counts, largest=height * width)
    if not isinstance(counts, list):
        raise DataError("its run lengths (RLE) are neither text nor numbers: export it again")
    return runs_mask(counts, height, width)


def coco_polygons(polygons: Sequence[Any], height: int, width: int) -> np.ndarray:
    """Polygons, each anything `points_of` takes, filled by the COCO API, which counts area: bool (height, width)."""
    from pycocotools import mask as api

    if not polygons:
        return np.zeros((height, width), bool)
    checked = [points_of(polygon, height=height, width=width).ravel().tolist() for polygon in polygons]
    return api.decode(api.merge(api.frPyObjects(checked, height, width))).astype(bool)


def runs_mask(counts: Sequence[int], height: int, width: int) -> np.ndarray:
    """COCO's run lengths, of 0 and 1 in turn down the columns: bool (height, width).

    Raises DataError unless they are whole numbers that sum up to the pixels of the picture.
    """
    if not all(isinstance(count, int) and 0 <= count <= height * width for count in counts):
        raise DataError("its run lengths (RLE) are not numbers of pixels in the picture: export it again")
    if sum(counts) != height * width:
        raise DataError(
            f"its run lengths (RLE) cover {sum(counts)} pixels, but the picture has {width}x{height}: export it again"
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


def coco_counts(text: str, *, largest: int) -> list[int]:
    """The run lengths in COCO's compressed form, at most `largest` each; DataError where they are not that.

    A number is written in groups of five bits, the lowest first, in characters from "0" on; bit 5 says that more
    follow, bit 4 of the last is the sign; from the third on, the difference to the number two before is written
    (cocoapi `common/maskApi.c`, rleToString). Decoded here: the C code trusts what it is given.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64 or shift > 40:
            raise DataError("its run lengths (RLE) are damaged: export it again")
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        if not 0 <= counts[-1] <= largest:
            raise DataError("its run lengths (RLE) are not numbers of pixels in the picture: export it again")
        value = shift = 0
    if shift:
        raise DataError("its run lengths (RLE) are cut short: export it again")
    return counts


def from_base64(text: Any, *, what: str) -> bytes:
    """The bytes of base64 in an annotation; DataError, which calls it `what`, where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise DataError(f"a {what} is not base64: export it again") from None


def inflate(data: bytes, *, largest: int) -> bytes:
    """What zlib packed, at most `largest` bytes; data that is not packed comes back as it is."""
    if data[:4] == b"\x89PNG":
        return data
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, largest)
    except zlib.error as error:
        raise DataError(f"a bitmap cannot be unpacked ({error}): export it again") from None
    if unpacker.unconsumed_tail:
        raise DataError(f"a bitmap unpacks to more than {largest} bytes: it is no mask of this picture")
    return unpacked


def png_mask(data: bytes, *, height: int, width: int) -> np.ndarray:
    """A mask in the bytes of a PNG, bool: where its alpha, or else its value, is not 0.

    Raises DataError if it is no PNG, broken, or larger than the picture of (height, width).
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height > min(MAX_PIXELS, (height + 2) * (width + 2)):
                raise DataError(
                    f"a bitmap has {image.width}x{image.height} pixels, more than its picture of {width}x{height}"
                )
            values = np.array(image.convert("RGBA") if image.mode in ("RGBA", "LA", "RGB") else image)
    except DataError:
        raise
    except Exception as error:  # of a broken file Pillow raises OSError, SyntaxError, ValueError, struct.error ...
        raise DataError(f"a bitmap is no PNG, or broken ({error}): export it again") from None
    if values.ndim == 3:
        values = values[..., 3] if values[..., 3].min() < 255 else values[..., :3].max(axis=2)
    return values.astype(bool)


def placed(mask: np.ndarray, x: float, y: float, *, height: int, width: int) -> np.ndarray:
    """A small mask put into one of the picture's size with its upper left corner at (x, y); what juts out is cut."""
    if not (math.isfinite(x) and math.isfinite(y)):
        raise DataError("a bitmap has no place (NaN or infinite): correct it")
    left, top = round(x), round(y)
    whole = np.zeros((height, width), bool)
    rows = slice(max(top, 0), max(min(top + mask.shape[0], height), 0))
    columns = slice(max(left, 0), max(min(left + mask.shape[1], width), 0))
    part = mask[max(-top, 0) :, max(-left, 0) :]
    target = whole[rows, columns]
    target[...] = part[: target.shape[0], : target.shape[1]]
    return whole
