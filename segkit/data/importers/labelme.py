"""labelme: one JSON file a picture (https://github.com/wkentaro/labelme, `labelme/_label_file.py`).

Polygons, circles, masks and, where boxes are filled, rectangles are drawn as its own `_utils/shape.py` draws them
(`shapes_to_label`), a later shape over an earlier one. Points and lines have no area and are left out. Classes: those
of a `labels.txt` in the folder, beside it or given as a table, else the labels of all shapes that have an area, in
alphabetical order; 0 is "background" (`_background_`), and `__ignore__` becomes "not labelled"
(`examples/semantic_segmentation/labels.txt`). labelme turns pictures as their EXIF orientation says before they are
annotated (`apply_exif_orientation`).

The picture is the one of `imagePath`, else one beside the JSON file that is called as it, else the one inside it
(`imageData`). X-AnyLabeling writes the same form: its rectangles have four corners since version 2.4, and turned ones
are a `rotation`.
"""

import math
import posixpath
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.data.importers.bitmaps import from_base64, placed, png_mask
from segkit.data.importers.export import Annotated, Export, split_of
from segkit.data.importers.outlines import NO_AREA, pillow_ellipse, pillow_polygon, pillow_rectangle, points_of
from segkit.data.importers.painting import NOTHING, Layer, Painting, Patch
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source
from segkit.data.text import read_json, read_lines

IGNORED = "__ignore__"
LABELS = "labels.txt"

_WITHOUT_AREA = frozenset({"point", "points", "line", "linestrip"})
_BOXES = {"rectangle": (2, 4), "rotation": (4,), "oriented_rectangle": (4,)}
"""Shapes that are boxes, and how many corners they may have."""
_CORNERS = {"polygon": 3, "circle": 2, "mask": 2, **{kind: corners[0] for kind, corners in _BOXES.items()}}


def read(source: Source, rules: Rules) -> Export:
    """The annotated pictures of a folder. Raises DataError where no JSON file is labelme's."""
    export = Export()
    documents: dict[str, dict[str, Any]] = {}
    for name, content in export.readable(source.named(".json")):
        if isinstance(content, dict) and "shapes" in content and "imagePath" in content:
            inside = {"inside": bool(content.get("imageData"))}
            wanted = ("shapes", "imagePath", "imageHeight", "imageWidth")
            documents[name] = {key: content.get(key) for key in wanted} | inside
    if not documents:
        broken = (
            f": {export.skipped[0].file} {export.skipped[0].reason}"
            if export.skipped
            else ", which has shapes and imagePath"
        )
        raise DataError(f"{source.path} holds no JSON file of labelme{broken}")
    used = {shape["label"] for content in documents.values() for shape in content["shapes"] if not _flat(shape)}
    names = _names(source, used, export)
    export.number_objects((name for name in names if name != IGNORED), rules)
    export.numbers[IGNORED] = IGNORE
    for name, content in documents.items():
        with export.one_picture(name):
            picture, stem, is_inside = _picture(source, name, content)
            size = None
            if content["imageHeight"] and content["imageWidth"]:
                size = int(content["imageHeight"]), int(content["imageWidth"])
            layers = _layers(content["shapes"], name, export, rules)
            draw = Painting(layers, export.numbers, rules.order or "file", rules.empty)
            unpack = unpack_picture if is_inside else None
            export.pictures.append(Annotated(stem, picture, draw, size, split_of(f"{stem}."), unpack))
    return export


def unpack_picture(file: Path) -> bytes:
    """The picture inside a JSON file of labelme."""
    return from_base64(read_json(file)["imageData"], what="picture inside")


def _names(source: Source, used: Iterable[Any], export: Export) -> list[Any]:
    """The names of the classes: those that are listed, in their order, then the others."""
    listed: list[str] = []
    beside = source.root.resolve().parent / LABELS
    if source.table is not None:
        listed = read_lines(source.table)
    elif LABELS in source.files:
        listed = read_lines(source.files[LABELS])
    elif beside.is_file():
        found = read_lines(beside)
        if set(used) <= set(found):
            listed = found
            export.say(f"the classes and their order are those of {beside}")
        else:
            export.say(f"{beside} lacks some of the labels, so it is not used: give it by --classes if it is to be")
    others = sorted(str(name) for name in set(used) - set(listed))
    if listed and others:
        export.say(f"labels that are not listed become the last classes: {', '.join(others)}")
    return [*listed, *others]


def _picture(source: Source, name: str, content: dict[str, Any]) -> tuple[Path, str, bool]:
    """The file of a picture, its name without ending, and whether the file is the JSON file that the picture is in."""
    folder, stem = posixpath.dirname(name), posixpath.splitext(name)[0]
    try:
        key = source.picture(content["imagePath"], beside=folder, exactly=True)
    except DataError:
        keys = [key for key in source.pictures if posixpath.splitext(key)[0] == stem]
        if not keys and content["inside"]:
            return source.files[name], stem, True
        if len(keys) != 1:
            raise
        key = keys[0]
    return source.pictures[key], posixpath.splitext(key)[0], False


def _flat(shape: dict[str, Any]) -> bool:
    """Whether a shape has no area."""
    kind = shape.get("shape_type") or "polygon"
    return kind in _WITHOUT_AREA or (kind == "polygon" and len(shape["points"]) < 3)


def _layers(shapes: Any, file: str, export: Export, rules: Rules) -> list[Layer]:
    layers: list[Layer] = []
    for shape in shapes:
        kind = shape.get("shape_type") or "polygon"
        if _flat(shape):
            export.note(file, NO_AREA if kind == "polygon" else f"a {kind}, which has no area")
            continue
        if kind not in _CORNERS:
            raise DataError(f"a shape is a {kind!r}, which segkit does not know: make it a polygon")
        if kind in _BOXES:
            rules.box()
            if len(shape["points"]) not in _BOXES[kind]:
                raise DataError(f"a {kind} has {len(shape['points'])} corners: draw it again")
        layers.append(Layer(shape["label"], partial(_patch, kind, shape["points"], shape.get("mask"))))
    return layers


def _patch(kind: str, points: Any, packed: Any, height: int, width: int) -> Patch:
    corners = points_of(points, height=height, width=width, least=_CORNERS[kind])
    if not len(corners):
        return NOTHING
    if kind == "mask":
        data = from_base64(packed, what="mask")
        return placed(png_mask(data, height=height, width=width), *corners[0].tolist(), height=height, width=width)
    if kind == "circle":
        (x, y), (edge_x, edge_y) = corners[:2].tolist()
        radius = math.hypot(x - edge_x, y - edge_y)
        return pillow_ellipse((x - radius, y - radius, x + radius, y + radius), height, width)
    if kind == "rectangle":
        return pillow_rectangle([*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()], height, width)
    return pillow_polygon(corners, height, width)
