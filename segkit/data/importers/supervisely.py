"""Supervisely: https://developer.supervisely.com/getting-started/supervisely-annotation-format/objects

A project has `meta.json` with the classes and their colours and data sets with `img/x.jpg` and `ann/x.jpg.json`. An
object is a `bitmap` (`origin` [x, y] and `data`, base64 of a PNG, packed by zlib or not), a `polygon` (`exterior`,
`interior` holes) or a `rectangle`; they are drawn as the SDK does (supervisely `geometry/bitmap.py`, `polygon.py`,
`rectangle.py`), a later object over an earlier one. Points, lines and graphs have no area and are left out. A data set
called train, val or test gives the split. Class 0 is "background".
"""

import posixpath
from functools import partial
from typing import Any

import numpy as np

from segkit.base.errors import DataError
from segkit.data.importers.drawing import Layer, filled, from_base64, inflate, paint, placed, png_mask, points_of
from segkit.data.importers.export import Annotated, Colour, Export, plain_name, split_of
from segkit.data.importers.source import Source
from segkit.data.text import read_json

_WITHOUT_AREA = frozenset({"point", "line", "graph", "point_3d", "multi_point"})


def read(source: Source) -> Export:
    """The annotated pictures of a project. Raises DataError where there is no meta.json with classes."""
    file = next((path for name, path in source.files.items() if posixpath.basename(name) == "meta.json"), None)
    if file is None:
        raise DataError(f"{source.path} has no meta.json with the classes: export the whole project from Supervisely")
    described = read_json(file)["classes"]
    export = Export(colours={0: (0, 0, 0)})
    export.number_classes((item["title"] for item in described), background=True)
    for item in described:
        if colour := _colour(item.get("color")):
            export.colours[export.numbers[item["title"]]] = colour
    for name, path in source.named(".json").items():
        folder, last = posixpath.split(name)
        if posixpath.basename(folder) != "ann":
            continue
        data_set = posixpath.dirname(folder)
        with export.one_picture(name):
            key = source.picture(last.removesuffix(".json"), beside=posixpath.join(data_set, "img"), exactly=True)
            content = read_json(path)
            size = int(content["size"]["height"]), int(content["size"]["width"])
            draw = paint(_layers(content["objects"], name, export), export.numbers)
            stem = posixpath.splitext(posixpath.basename(key))[0]
            shown = plain_name(posixpath.join(data_set, stem), without="datasets")
            export.pictures.append(Annotated(shown, source.pictures[key], draw, size, split_of(name)))
    return export


def _colour(text: Any) -> Colour | None:
    if not isinstance(text, str) or len(text) != 7:
        return None
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _layers(objects: Any, file: str, export: Export) -> list[Layer]:
    layers: list[Layer] = []
    for item in objects:
        kind, title = item["geometryType"], item["classTitle"]
        if kind in _WITHOUT_AREA:
            export.note(file, f"a {kind}, which has no area")
            continue
        if kind not in ("bitmap", "polygon", "rectangle"):
            raise DataError(f"an object is a {kind!r}, which segkit does not read: make it a bitmap or a polygon")
        if title not in export.numbers:
            raise DataError(f"the class {title!r} of an object is not in meta.json: export the whole project")
        if kind == "bitmap":
            x, y = item["bitmap"]["origin"]
            layers.append((title, partial(_bitmap, item["bitmap"]["data"], float(x), float(y))))
        else:
            corners = item["points"]["exterior"], item["points"].get("interior") or []
            layers.append((title, partial(_rectangle if kind == "rectangle" else _polygon, *corners)))
    return layers


def _bitmap(packed: Any, x: float, y: float, height: int, width: int) -> np.ndarray:
    data = from_base64(packed, what="bitmap")
    # As RGBA and not compressed at all, with room for what a PNG has besides its pixels.
    data = inflate(data, largest=5 * (height + 2) * (width + 2) + 2**16)
    return placed(png_mask(data, height=height, width=width), x, y, height=height, width=width)


def _polygon(exterior: Any, interior: Any, height: int, width: int) -> np.ndarray:
    outside = filled([points_of(exterior, height=height, width=width).round()], height, width)
    holes = [points_of(hole, height=height, width=width).round() for hole in interior]
    return outside & ~filled(holes, height, width)


def _rectangle(exterior: Any, interior: Any, height: int, width: int) -> np.ndarray:
    corners = points_of(exterior, height=height, width=width, least=2)[:2].round().astype(int)
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    mask = np.zeros((height, width), bool)
    mask[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = True
    return mask
