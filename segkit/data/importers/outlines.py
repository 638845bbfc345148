"""Outlines as masks: polygons, boxes and circles, filled as the tools fill them, in their own box of the picture.

A drawing program works in whole pixels, so a shape drawn in a small picture is the one drawn in the large one, moved,
as long as nothing of it is cut at a border (but for Pillow's polygons, whose columns stay). What juts out
is drawn in the whole picture, so that it is cut there.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from segkit.base.errors import DataError
from segkit.data.importers.painting import NOTHING, Patch
from segkit.data.importers.runs import coco_counts, runs_patch

FAR = 10
"""Polygons are cut where they lie further outside than so many times the longer side of their picture."""

NO_AREA = "a polygon with fewer than three corners, which has no area"


def points_of(values: Any, *, height: int, width: int, least: int = 3) -> np.ndarray:
    """Corners as float (N, 2), x then y in pixels; DataError unless there are `least` of them, all finite numbers.

    A polygon that reaches far out of the picture is cut there, which changes nothing inside; what is left may be no
    corner at all. One or two points that lie as far are moved there.
    """
    try:
        points = np.asarray(values, np.float64).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError):
        raise DataError("a polygon is not a list of x and y: export it again") from None
    if len(points) < least:
        raise DataError(f"a polygon has {len(points)} corners instead of at least {least}: finish or remove it")
    if not np.isfinite(points).all():
        raise DataError("a polygon has a corner that is no number (NaN or infinite): correct it")
    side = max(height, width)
    low, high = -FAR * side, (FAR + 1) * side
    if low <= points.min() and points.max() <= high:
        return points
    return np.clip(points, low, high) if len(points) < 3 else _cut(points, low, high)


def _cut(points: np.ndarray, low: int, high: int) -> np.ndarray:
    """The part of a polygon in a square, by Sutherland and Hodgman (CACM 17, 1974), in fractions, which are exact."""
    corners = [(Fraction(x), Fraction(y)) for x, y in points.tolist()]
    for axis, limit, sign in ((0, low, 1), (0, high, -1), (1, low, 1), (1, high, -1)):
        kept: list[tuple[Fraction, Fraction]] = []
        for before, corner in zip([*corners[-1:], *corners[:-1]], corners, strict=True):
            inside, was_inside = (sign * (point[axis] - limit) >= 0 for point in (corner, before))
            if inside != was_inside:
                share = (limit - before[axis]) / (corner[axis] - before[axis])
                kept.append((before[0] + share * (corner[0] - before[0]), before[1] + share * (corner[1] - before[1])))
            if inside:
                kept.append(corner)
        corners = kept
    return np.array([(float(x), float(y)) for x, y in corners], np.float64).reshape(-1, 2)


def turned(points: np.ndarray, angle: float, about: Sequence[float]) -> np.ndarray:
    """Points, (N, 2), turned about one by an angle in radians, clockwise as pictures are seen."""
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return (points - about) @ turn + about


def ellipse(middle: Sequence[float], across: float, down: float, angle: float = 0.0) -> np.ndarray:
    """An ellipse of these half axes, turned as `turned` does, as a polygon of 720 corners, as CVAT has it."""
    angles = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    points = np.stack([across * np.cos(angles), down * np.sin(angles)], axis=1)
    return turned(points, angle, (0, 0)) + middle


def coco_polygons(polygons: Sequence[Any], height: int, width: int) -> Patch:
    """Polygons, each anything `points_of` takes, filled together by the COCO API, which counts area."""
    from pycocotools import mask as api

    checked = [points_of(polygon, height=height, width=width).ravel().tolist() for polygon in polygons]
    checked = [polygon for polygon in checked if polygon]
    if not checked:
        return NOTHING
    merged = api.merge(api.frPyObjects(checked, height, width))
    return runs_patch(coco_counts(merged["counts"].decode()), height, width)


def filled(polygon: np.ndarray, height: int, width: int, *, holes: Sequence[np.ndarray] = ()) -> Patch:
    """A polygon of whole pixels, (N, 2), filled by OpenCV with its outline, less holes with theirs."""

    def draw(mask: np.ndarray, left: int, top: int) -> None:
        for points, value in ((polygon, 1), *((hole, 0) for hole in holes if len(hole))):
            cv2.fillPoly(mask, [points.astype(np.int32)], value, offset=(-left, -top))

    return _in_box(np.concatenate([polygon, *holes]).astype(np.int32), draw, height, width)


def within(polygon: np.ndarray, height: int, width: int) -> Patch:
    """The pixels whose middles lie in a polygon, (N, 2), cut to whole pixels, or on its edges, as scikit-image has it.

    After `points_in_polygon` of its `_shared/_pnpoly.h`: a point is in where a ray to the left or one to the right
    crosses an odd number of edges. Both are counted for all points of a row at once.
    """
    corners = polygon.astype(np.int64)

    def draw(mask: np.ndarray, left: int, top: int) -> None:
        rows, columns = mask.shape
        crossed = np.zeros((2, rows, columns + 1), bool)
        moved = corners - (left, top)
        for edge in np.stack([moved, np.roll(moved, 1, axis=0)], axis=1):
            (x, y), (to_x, to_y) = edge[edge[:, 1].argsort()].tolist()
            for side, shift in ((0, 0), (1, 1)):  # an edge has its upper end, or its lower one
                ys = np.arange(max(y + shift, 0), min(to_y + shift, rows))
                scaled = x * (to_y - y) + (ys - y) * (to_x - x)
                first = scaled // (to_y - y) + 1 if side else -(-scaled // (to_y - y))
                crossed[side, ys, np.clip(first, 0, columns)] ^= True
        mask[...] = np.logical_xor.accumulate(crossed, axis=2)[..., :columns].any(axis=0)
        inside = moved[((moved >= 0) & (moved < (columns, rows))).all(axis=1)]
        mask[inside[:, 1], inside[:, 0]] = 1

    return _in_box(corners, draw, height, width)


def pillow_polygon(points: np.ndarray, height: int, width: int) -> Patch:
    """A polygon, (N, 2), filled by Pillow with its outline."""

    def draw(mask: np.ndarray, left: int, top: int) -> None:
        # Pillow finds the ends of a row in floats, which round otherwise where the columns are moved.
        with Image.new("L", (left + mask.shape[1], mask.shape[0])) as image:
            corners = [(x, y - top) for x, y in points.tolist()]
            ImageDraw.Draw(image).polygon(corners, outline=1, fill=1)
            mask[...] = np.asarray(image)[:, left:]

    return _in_box(points, draw, height, width)


def pillow_ellipse(sides: Sequence[float], height: int, width: int) -> Patch:
    """An ellipse between these sides (left, top, right, bottom), filled by Pillow with its outline."""
    return _between("ellipse", sides, height, width)


def pillow_rectangle(sides: Sequence[float], height: int, width: int) -> Patch:
    """A rectangle of these sides (left, top, right, bottom), filled by Pillow with its outline."""
    return _between("rectangle", sides, height, width)


def _between(kind: str, sides: Sequence[float], height: int, width: int) -> Patch:
    def draw(mask: np.ndarray, x: int, y: int) -> None:
        with _drawing(mask) as image:
            left, top, right, bottom = sides
            getattr(ImageDraw.Draw(image), kind)((left - x, top - y, right - x, bottom - y), outline=1, fill=1)
            mask[...] = np.asarray(image)

    return _in_box(np.array(sides).reshape(2, 2), draw, height, width)


def box(sides: Sequence[int], height: int, width: int) -> Patch:
    """A rectangle of whole pixels (left, top, right, bottom), the last column and row among them."""
    left, top, right, bottom = sides
    left, top = max(left, 0), max(top, 0)
    size = max(min(bottom, height - 1) - top + 1, 0), max(min(right, width - 1) - left + 1, 0)
    return Patch(top, left, np.ones(size, bool)) if all(size) else NOTHING


def _drawing(mask: np.ndarray) -> Image.Image:
    return Image.new("L", mask.shape[::-1])


def _in_box(points: np.ndarray, draw: Callable[[np.ndarray, int, int], None], height: int, width: int) -> Patch:
    """What `draw` draws about the points into a mask whose upper left pixel is the picture's at (left, top)."""
    if not len(points):
        return NOTHING
    left, top = (int(value) for value in np.floor(points.min(axis=0)))
    right, bottom = (int(value) + 1 for value in np.ceil(points.max(axis=0)))
    if left < 0 or top < 0 or right > width or bottom > height:
        left, top, right, bottom = 0, 0, width, height
    mask = np.zeros((bottom - top, right - left), np.uint8)
    draw(mask, left, top)
    return Patch(top, left, mask.astype(bool))
