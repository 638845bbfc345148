"""VGG Image Annotator 1 and 2, https://www.robots.ox.ac.uk/~vgg/software/via: the JSON of annotations or of a project.

Each picture has `filename` and `regions`, a list or, in version 1, a dict; a region has the shape in `shape_attributes`
and its class in `region_attributes`: in the one attribute that is there, or that is called class, label, type, name or
category; a chosen option is its class. Where no region has an attribute, as in Mask R-CNN's balloons, all are "object".
Polygons, circles and ellipses are filled as the COCO API fills polygons (the tool itself draws no masks), a later one
over an earlier one; points and lines have no area. Class 0 is "background", the others are in alphabetical order.
"""

import posixpath
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from segkit.base.errors import DataError
from segkit.data.importers.export import Annotated, Export, split_of
from segkit.data.importers.outlines import NO_AREA, coco_polygons, ellipse
from segkit.data.importers.painting import Layer, Painting, Patch
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source
from segkit.data.text import read_json

_WITHOUT_AREA = frozenset({"point", "polyline", "line"})
_ONLY = "object"
_CLASS = ("class", "label", "type", "name", "category")


def pictures_in(content: Any) -> list[dict[str, Any]] | None:
    """What a JSON file has of each picture; None where it is not of this tool."""
    if isinstance(content, dict):
        content = content.get("_via_img_metadata", content)
    items = list(content.values()) if isinstance(content, dict) else []
    is_its = items and all(isinstance(item, dict) and {"filename", "regions"} <= item.keys() for item in items)
    return items if is_its else None


def read(source: Source, rules: Rules) -> Export:
    """The annotated pictures. Raises DataError where no JSON file is of this tool."""
    found = {name: items for name, path in source.named(".json").items() if (items := pictures_in(read_json(path)))}
    if not found:
        raise DataError(f"{source.path} holds no annotations of VIA: save them as JSON there")
    export = Export()
    names: set[str] = set()
    without = not any(_has_classes(item) for items in found.values() for item in items)
    if without:
        export.say(f"no region has a class, so all are the class {_ONLY}")
    for file, items in found.items():
        for item in items:
            with export.one_picture(str(item["filename"])):
                key = source.picture(item["filename"], beside=posixpath.dirname(file))
                layers = _layers(item, _ONLY if without else None, export, rules)
                names.update(layer.name for layer in layers)
                draw = Painting(layers, export.numbers, rules.order or "file", rules.empty)
                split = split_of(key) or split_of(file)
                export.pictures.append(Annotated(posixpath.splitext(key)[0], source.pictures[key], draw, None, split))
    export.number_objects(sorted(names), rules)
    return export


def _regions(item: dict[str, Any]) -> list[Any]:
    return [*item["regions"].values()] if isinstance(item["regions"], dict) else item["regions"]


def _given(region: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a region that say something."""
    return {key: value for key, value in (region.get("region_attributes") or {}).items() if value not in ("", {}, None)}


def _has_classes(item: dict[str, Any]) -> bool:
    """Whether a region of a picture has an attribute; a picture that is broken is told of where it is read."""
    with suppress(TypeError, KeyError, AttributeError):
        return any(_given(region) for region in _regions(item))
    return False


def _layers(item: dict[str, Any], only: str | None, export: Export, rules: Rules) -> list[Layer]:
    """What is drawn of a picture, of the class `only` where that is not None."""
    layers = []
    for region in _regions(item):
        shape = region["shape_attributes"]
        kind = shape["name"]
        if kind in _WITHOUT_AREA:
            export.note(item["filename"], f"a {kind}, which has no area")
            continue
        if kind == "polygon" and len(shape["all_points_x"]) < 3:
            export.note(item["filename"], NO_AREA)
            continue
        if kind == "rect":
            rules.box()
        elif kind not in _POINTS:
            raise DataError(f"a region is a {kind!r}, which segkit does not know: make it a polygon")
        layers.append(Layer(only or _class(_given(region)), partial(_patch, shape)))
    return layers


def _class(given: dict[str, Any]) -> str:
    """The class of a region. Raises DataError where no attribute tells it."""
    agree = len({str(value) for value in given.values()}) == 1
    key = next((key for key in given if key.lower() in _CLASS), next(iter(given)) if agree else None)
    if key is None:
        what = (
            f"has the attributes {', '.join(given)}: keep the one of the class"
            if given
            else "has no class: give it one"
        )
        raise DataError(f"a region {what}")
    value = given[key]
    if isinstance(value, dict):  # of check boxes
        chosen = [option for option, is_chosen in value.items() if is_chosen]
        if len(chosen) != 1:
            raise DataError(f"a region is of {len(chosen)} classes at once ({', '.join(chosen)}): keep one")
        return str(chosen[0])
    return str(value).strip()


def _patch(shape: dict[str, Any], height: int, width: int) -> Patch:
    return coco_polygons([_POINTS[shape["name"]](shape)], height, width)


def _polygon(shape: dict[str, Any]) -> np.ndarray:
    xs, ys = shape["all_points_x"], shape["all_points_y"]
    if len(xs) != len(ys):
        raise DataError("a polygon has not as many x as y: correct it")
    return np.stack([np.array(xs, np.float64), np.array(ys, np.float64)], axis=1)


def _rectangle(shape: dict[str, Any]) -> np.ndarray:
    left, top = float(shape["x"]), float(shape["y"])
    right, bottom = left + float(shape["width"]), top + float(shape["height"])
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _ellipse(shape: dict[str, Any]) -> np.ndarray:
    across, down = (float(shape["r"] if "r" in shape else shape[key]) for key in ("rx", "ry"))
    middle = float(shape["cx"]), float(shape["cy"])
    return ellipse(middle, across, down, float(shape.get("theta") or 0))


_POINTS = {"polygon": _polygon, "rect": _rectangle, "circle": _ellipse, "ellipse": _ellipse}
"""The corners of each shape."""
