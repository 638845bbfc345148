"""Supervisely: https://developer.supervisely.com/getting-started/supervisely-annotation-format/objects

A project has `meta.json` with the classes and their colours and data sets with `img/x.jpg` and `ann/x.jpg.json`. An
object is a `bitmap` (`origin` [x, y] and `data`, base64 of a PNG, packed by zlib or not), a `polygon` (`exterior`,
`interior` holes), a `multipolygon` of such `parts` or a `rectangle`; they are drawn as the SDK does (supervisely
`geometry/bitmap.py`, `polygon.py`, `rectangle.py`), a later object over an earlier one. Points, lines and graphs have
no area and are left out. A data set called train, val or test gives the split. Class 0 is "background".

Objects of before `geometryType` are of the shape of their class in `meta.json`, and their files are `ann/x.json`.
"""

import posixpath
from functools import partial
from typing import Any

from segkit.base.errors import DataError
from segkit.data.importers.bitmaps import from_base64, inflate, placed, png_mask
from segkit.data.importers.export import Annotated, Colour, Export, plain_name, split_of
from segkit.data.importers.outlines import NO_AREA, box, filled, points_of
from segkit.data.importers.painting import Layer, Painting, Patch, union
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source
from segkit.data.text import read_json

_WITHOUT_AREA = frozenset({"point", "line", "graph", "point_3d", "multi_point"})


def read(source: Source, rules: Rules) -> Export:
    """The annotated pictures of a project. Raises DataError where there is no meta.json with classes."""
    file = next((path for name, path in source.files.items() if posixpath.basename(name) == "meta.json"), None)
    if file is None:
        raise DataError(f"{source.path} has no meta.json with the classes: export the whole project from Supervisely")
    described = read_json(file)["classes"]
    export = Export(colours={0: (0, 0, 0)} if rules.ground else {})
    export.number_objects((item["title"] for item in described), rules)
    shapes = {item["title"]: item.get("shape") for item in described}
    for item in described:
        if colour := _colour(item.get("color")):
            export.colours[export.numbers[item["title"]]] = colour
    for name, path in source.named(".json").items():
        folder, last = posixpath.split(name)
        if posixpath.basename(folder) != "ann":
            continue
        data_set = posixpath.dirname(folder)
        with export.one_picture(name):
            key = _picture(source, posixpath.join(data_set, "img"), last.removesuffix(".json"))
            content = read_json(path)
            size = int(content["size"]["height"]), int(content["size"]["width"])
            layers = _layers(content["objects"], shapes, name, export, rules)
            draw = Painting(layers, export.numbers, rules.order or "file", rules.empty)
            stem = posixpath.splitext(posixpath.basename(key))[0]
            shown = plain_name(posixpath.join(data_set, stem), without="datasets")
            export.pictures.append(Annotated(shown, source.pictures[key], draw, size, split_of(name)))
    return export


def _picture(source: Source, folder: str, name: str) -> str:
    """The picture of this name, or in older projects the one of this name without ending."""
    keys = [key for key in source.pictures if posixpath.splitext(key)[0] == posixpath.join(folder, name)]
    if len(keys) == 1 and not source.elsewhere:
        return keys[0]
    return source.picture(name, beside=folder, exactly=True)


def _colour(text: Any) -> Colour | None:
    if not isinstance(text, str) or len(text) != 7:
        return None
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _layers(objects: Any, shapes: dict[str, Any], file: str, export: Export, rules: Rules) -> list[Layer]:
    layers: list[Layer] = []
    for item in objects:
        title = item["classTitle"]
        kind = item.get("geometryType") or _kind(item, shapes.get(title))
        if kind in _WITHOUT_AREA:
            export.note(file, f"a {kind}, which has no area")
            continue
        if kind not in ("bitmap", "polygon", "multipolygon", "rectangle"):
            raise DataError(f"an object is a {kind!r}, which segkit does not read: make it a bitmap or a polygon")
        if title not in export.numbers:
            raise DataError(f"the class of an object ({title!r}) is not in meta.json: export the whole project")
        if kind == "bitmap":
            x, y = item["bitmap"]["origin"]
            layers.append(Layer(title, partial(_bitmap, item["bitmap"]["data"], float(x), float(y))))
        elif kind == "rectangle":
            rules.box()
            layers.append(Layer(title, partial(_rectangle, item["points"]["exterior"])))
        else:
            parts = item["parts"] if kind == "multipolygon" else [item["points"]]
            whole = [(part["exterior"], part.get("interior") or []) for part in parts if len(part["exterior"]) > 2]
            for _ in range(len(parts) - len(whole)):
                export.note(file, NO_AREA)
            if whole:
                layers.append(Layer(title, partial(_polygons, whole)))
    return layers


def _kind(item: dict[str, Any], shape: Any) -> str:
    """The kind of an object that does not say it: its class's, or what it has where that may be any."""
    if shape not in (None, "any"):
        return str(shape)
    return "bitmap" if item.get("bitmap") else "polygon"


def _bitmap(packed: Any, x: float, y: float, height: int, width: int) -> Patch:
    data = from_base64(packed, what="bitmap")
    # As RGBA and not compressed at all, with room for what a PNG has besides its pixels.
    data = inflate(data, largest=5 * (height + 2) * (width + 2) + 2**16)
    return placed(png_mask(data, height=height, width=width), x, y, height=height, width=width)


def _polygons(parts: list[tuple[Any, Any]], height: int, width: int) -> Patch:
    return union([_polygon(exterior, interior, height, width) for exterior, interior in parts], height, width)


def _polygon(exterior: Any, interior: Any, height: int, width: int) -> Patch:
    corners = points_of(exterior, height=height, width=width).round()
    holes = [points_of(hole, height=height, width=width).round() for hole in interior]
    return filled(corners, height, width, holes=holes)


def _rectangle(exterior: Any, height: int, width: int) -> Patch:
    corners = points_of(exterior, height=height, width=width, least=2)[:2].round().astype(int)
    return box([*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()], height, width)
