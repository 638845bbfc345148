"""Label Studio: the JSON export (also JSON-MIN), with brush masks in it or exported beside it as PNGs.

https://labelstud.io/guide/export. A brush mask is run lengths of RGBA values, packed bit by bit; where alpha is not 0
is the object (label-studio-converter `brush.py`, decode_rle and ls_rle_to_coco_rle). A bitmask (`imageDataURL`) is a
PNG of the same meaning. Polygons, closed vectors of straight lines and, where boxes are filled, rectangles are in
percent of the picture and are drawn as the COCO API would. PNGs are called
`task-ID-annotation-ID-by-EMAIL-TAG-LABEL-N.png` (the same file, save_brush_images_from_annotation) and stand for the
brush masks of their task if the JSON has none. A later result lies over an earlier one. Of several annotations of a
task the last made counts, cancelled ones do not (`converter.py`, annotation_result_from_task). Key points, lines and
ellipses are left out. Class 0 is "background", the others are in alphabetical order.
"""

import math
import posixpath
import re
import urllib.parse
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.data.importers.bitmaps import from_base64, png_mask, trimmed
from segkit.data.importers.brush import decode_rle
from segkit.data.importers.export import Annotated, Export
from segkit.data.importers.outlines import NO_AREA, coco_polygons, turned
from segkit.data.importers.painting import Layer, Painting, Patch
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source, is_picture
from segkit.data.text import read_json

_LABELS = ("brushlabels", "bitmasklabels", "polygonlabels", "vectorlabels", "rectanglelabels", "labels")
_DATA_URL = "data:image/png;base64,"
_NO_OBJECTS = frozenset({"choices", "textarea", "taxonomy", "number", "rating", "datetime", "pairwise", "relation"})
"""What says something of a whole picture or of an object that stands there besides."""
_PNG = re.compile(r"task-(?P<task>\d+)-annotation-\d+-by-[^-]*-(?P<rest>.+)-(?P<count>\d+)\.png")


class _Result(NamedTuple):
    label: str
    value: dict[str, Any]
    size: tuple[int, int]


def read(source: Source, rules: Rules) -> Export:
    """The annotated pictures of an export. Raises DataError where no JSON file lists tasks."""
    tasks = []
    for path in source.named(".json").values():
        content = read_json(path)
        if isinstance(content, list) and content and all(isinstance(item, dict) and "id" in item for item in content):
            tasks.extend(content)
    if not tasks:
        raise DataError(
            f"{source.path} holds no tasks of Label Studio: export as JSON too, which says whose the brush masks are"
        )
    masks = _masks_of_tasks(source)
    titles: set[str] = set()
    export = Export()
    for task in tasks:
        with export.one_picture(f"task {task['id']}"):
            key, results = _picture(source, task), _results(task, export, rules)
            layers = [Layer(result.label, partial(_patch, result)) for result in results]
            if not any("rle" in result.value for result in results):
                layers += [Layer(title, partial(_png, path)) for title, path in masks.get(str(task["id"]), [])]
            stem = posixpath.splitext(posixpath.basename(key))[0]
            size = results[0].size if results else None
            draw = Painting(layers, export.numbers, rules.order or "file", rules.empty)
            export.pictures.append(Annotated(stem, source.pictures[key], draw, size))
            titles.update(layer.name for layer in layers)
    export.number_objects(sorted(titles), rules)
    return export


def _masks_of_tasks(source: Source) -> dict[str, list[tuple[str, Path]]]:
    """The PNGs of an export: task -> label and file, in the order of their numbers."""
    found: dict[str, list[tuple[int, str, Path]]] = {}
    for name, path in source.files.items():
        match = _PNG.fullmatch(posixpath.basename(name))
        if match:
            label = match["rest"].split("-", 1)[-1]  # after the tag, which the tool calls "tag" unless told otherwise
            found.setdefault(match["task"], []).append((int(match["count"]), label, path))
    return {task: [(label, path) for _, label, path in sorted(drawn)] for task, drawn in found.items()}


def _picture(source: Source, task: dict[str, Any]) -> str:
    """The picture of a task: where it lay in the tool, or was uploaded as, which puts eight digits before its name."""
    values = [value for value in task.get("data", task).values() if isinstance(value, str)]
    places = [urllib.parse.urlsplit(value) for value in values]
    names = [urllib.parse.parse_qs(place.query).get("d", [posixpath.basename(place.path)])[0] for place in places]
    names = [urllib.parse.unquote(name) for name in [*names, str(task.get("file_upload") or "")] if is_picture(name)]
    if not names:
        raise DataError("it names no picture file: import pictures, not other data")
    for name in [*names, *(re.sub(r"^[0-9a-f]{8}-", "", posixpath.basename(name)) for name in names)]:
        try:
            return source.picture(name.lstrip("/"))
        except DataError as error:
            last = error
    raise last


def _results(task: dict[str, Any], export: Export, rules: Rules) -> list[_Result]:
    file = f"task {task['id']}"
    drawn = [item for item in _raw_results(task, export) if _is_object(item, file, export)]
    results: list[_Result] = []
    labelled = {item.get("id") for item in drawn if _label(item)}
    for item in drawn:
        label = _label(item)
        if label is None:
            if item.get("id") in labelled:  # tags Brush and Labels write it twice
                continue
            raise DataError("an object has no label: give it one")
        if item.get("image_rotation"):
            raise DataError("it was turned in the tool: turn the file instead and annotate it again")
        if _kind(item) == "rectangle":
            rules.box()
        size = int(item["original_height"]), int(item["original_width"])
        if results and results[0].size != size:
            raise DataError("its objects are of pictures of different sizes: export it again")
        results.append(_Result(label, item["value"], size))
    return results


def _raw_results(task: dict[str, Any], export: Export) -> list[Any]:
    """The results of the annotation of a task that counts."""
    every = task.get("annotations", task.get("completions"))
    if every is None:  # JSON-MIN: lists of what JSON calls `value`, by tag
        lists = [value for value in task.values() if isinstance(value, list)]
        return [{**item, "value": item} for value in lists for item in value if isinstance(item, dict)]
    made = [item for item in every if not item.get("was_cancelled")]
    if not made:
        raise DataError("it is not annotated: annotate it")
    for _ in made[1:]:
        export.note(f"task {task['id']}", "an annotation that is not the last of its task")
    last: list[Any] = max(made, key=lambda item: str(item.get("created_at") or ""))["result"]
    return last


def _kind(item: dict[str, Any]) -> str | None:
    """What an object is, by what its value has; None where it is none, or of a kind that has no area here."""
    value = item.get("value") or {}
    for key, kind in (("rle", "brush"), ("imageDataURL", "bitmask"), ("points", "polygon"), ("vertices", "vector")):
        if key in value:
            return kind
    if "radiusX" in value:
        return "ellipse"
    if "width" in value:
        return "rectangle" if "height" in value else "key point"
    return "key point" if {"x", "y"} <= value.keys() else None


def _is_object(item: dict[str, Any], file: str, export: Export) -> bool:
    """Whether a result is an object to draw. Of others that are in the picture it is said that they are left out."""
    kind, told = _kind(item), str(item.get("type") or "")
    value = item.get("value") or {}
    reason = None
    if kind is None:
        known = not told.endswith("labels") or told in _NO_OBJECTS
        reason = None if known else f"an object of the kind {told}, which segkit does not read"
    elif kind == "ellipse":
        reason = "an ellipse, which segkit does not read: draw it as a polygon or by brush"
    elif kind == "key point":
        reason = "a key point, which has no area"
    elif kind == "vector" and not value.get("closed"):
        reason = "a line, which has no area"
    elif kind in ("polygon", "vector") and len(value["points" if kind == "polygon" else "vertices"]) < 3:
        reason = NO_AREA
    else:
        return True
    if reason is not None:
        export.note(file, reason)
    return False


def _label(item: dict[str, Any]) -> str | None:
    value = item["value"]
    return next((str(value[key][0]) for key in _LABELS if value.get(key)), None)


def _patch(result: _Result, height: int, width: int) -> Patch:
    value = result.value
    if "rle" in value:
        if not isinstance(value["rle"], list):  # of a number, `bytes` would make as many
            raise DataError("a brush mask is no list of numbers: export it again")
        return trimmed(decode_rle(bytes(value["rle"]), height, width))
    if "imageDataURL" in value:
        if not str(value["imageDataURL"]).startswith(_DATA_URL):
            raise DataError("a bitmask is no PNG in base64: export it again")
        data = from_base64(value["imageDataURL"].removeprefix(_DATA_URL), what="bitmask")
        return trimmed(_of_size(png_mask(data, height=height, width=width), "a bitmask", height, width))
    if "points" in value:
        corners = np.array(value["points"], np.float64)
    elif "vertices" in value:
        corners = _vector(value["vertices"])
    else:
        corners = _rectangle(value, height, width)
    return coco_polygons([corners / 100 * (width, height)], height, width)


def _vector(vertices: Any) -> np.ndarray:
    """The corners in percent of a closed line."""
    if any(vertex.get("isBezier") for vertex in vertices):
        raise DataError("an object has curves, which segkit does not read: draw it with straight lines or by brush")
    return np.array([(vertex["x"], vertex["y"]) for vertex in vertices], np.float64)


def _rectangle(value: dict[str, Any], height: int, width: int) -> np.ndarray:
    """The corners in percent, turned about the first as `rotation`, in degrees clockwise, says."""
    box = np.array([(0, 0), (value["width"], 0), (value["width"], value["height"]), (0, value["height"])], np.float64)
    angle = math.radians(value.get("rotation") or 0)
    pixels = turned(box * (width, height), angle, (0, 0))
    return pixels / (width, height) + (value["x"], value["y"])


def _png(path: Path, height: int, width: int) -> Patch:
    mask = png_mask(path.read_bytes(), height=height, width=width)
    return trimmed(_of_size(mask, path.name, height, width))


def _of_size(mask: np.ndarray, what: str, height: int, width: int) -> np.ndarray:
    if mask.shape != (height, width):
        raise DataError(f"{what} is {mask.shape[1]}x{mask.shape[0]} pixels, its picture {width}x{height}")
    return mask
