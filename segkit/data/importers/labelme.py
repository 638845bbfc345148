"""labelme: one JSON file a picture (https://github.com/wkentaro/labelme, `labelme/_label_file.py`).

Polygons, rectangles, oriented rectangles, circles and masks are drawn as its own `_utils/shape.py` draws them
(`shapes_to_label`), a later shape over an earlier one. Points and lines have no area and are left out. Classes: those
of a `labels.txt` in the folder, else all labels in alphabetical order; 0 is "background" (`_background_`), and
`__ignore__` becomes "not labelled" (`examples/semantic_segmentation/labels.txt`). labelme turns pictures as their EXIF
orientation says before they are annotated (`apply_exif_orientation`).
"""

import math
import posixpath
from functools import partial
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.data.importers.drawing import Layer, from_base64, paint, placed, png_mask, points_of
from segkit.data.importers.export import Annotated, Export, split_of
from segkit.data.importers.source import Source
from segkit.data.text import read_json, read_lines

IGNORED = "__ignore__"

_WITHOUT_AREA = frozenset({"point", "points", "line", "linestrip"})
_CORNERS = {"polygon": 3, "oriented_rectangle": 4, "rectangle": 2, "circle": 2, "mask": 2}


def read(source: Source) -> Export:
    """The annotated pictures of a folder. Raises DataError where no JSON file is labelme's."""
    export = Export()
    documents: dict[str, dict[str, Any]] = {}
    for name, path in source.named(".json").items():
        try:
            content = read_json(path)
        except DataError as error:
            export.skip(name, str(error))
            continue
        if isinstance(content, dict) and "shapes" in content and "imagePath" in content:
            documents[name] = {key: content.get(key) for key in ("shapes", "imagePath", "imageHeight", "imageWidth")}
    if not documents:
        broken = f": {export.skipped[0].reason}" if export.skipped else ", which has shapes and imagePath"
        raise DataError(f"{source.path} holds no JSON file of labelme{broken}")
    used = {shape["label"] for content in documents.values() for shape in content["shapes"]}
    listed = read_lines(source.files["labels.txt"]) if "labels.txt" in source.files else []
    names = [*listed, *sorted(str(name) for name in used - set(listed))]
    export.number_classes((name for name in names if name != IGNORED), background=True)
    export.numbers[IGNORED] = IGNORE
    for name, content in documents.items():
        with export.one_picture(name):
            key = source.picture(content["imagePath"], beside=posixpath.dirname(name), exactly=True)
            size = None
            if content["imageHeight"] and content["imageWidth"]:
                size = int(content["imageHeight"]), int(content["imageWidth"])
            draw = paint(_layers(content["shapes"], name, export), export.numbers)
            stem = posixpath.splitext(key)[0]
            export.pictures.append(Annotated(stem, source.pictures[key], draw, size, split_of(key)))
    return export


def _layers(shapes: Any, file: str, export: Export) -> list[Layer]:
    layers: list[Layer] = []
    for shape in shapes:
        kind = shape.get("shape_type") or "polygon"
        if kind in _WITHOUT_AREA:
            export.note(file, f"a {kind}, which has no area")
            continue
        if kind not in _CORNERS:
            raise DataError(f"a shape is a {kind!r}, which segkit does not know: make it a polygon")
        layers.append((shape["label"], partial(_mask, kind, shape["points"], shape.get("mask"))))
    return layers


def _mask(kind: str, points: Any, packed: Any, height: int, width: int) -> np.ndarray:
    corners = points_of(points, height=height, width=width, least=_CORNERS[kind])
    if kind == "mask":
        data = from_base64(packed, what="mask")
        return placed(png_mask(data, height=height, width=width), *corners[0].tolist(), height=height, width=width)
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    if kind == "circle":
        (x, y), (edge_x, edge_y) = corners[:2].tolist()
        radius = math.hypot(x - edge_x, y - edge_y)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=1, fill=1)
    elif kind == "rectangle":
        draw.rectangle((*corners[:2].min(axis=0), *corners[:2].max(axis=0)), outline=1, fill=1)
    else:
        draw.polygon([(x, y) for x, y in corners.tolist()], outline=1, fill=1)
    return np.array(image, bool)
