"""YOLO segmentation, as Ultralytics reads it: https://docs.ultralytics.com/datasets/segment/ and `data/utils.py`.

A line of a label file is a class number and the corners x y of a polygon in shares of the width and the height. The
label of `.../images/x.jpg` is `.../labels/x.txt`; a picture without one has no objects. `data.yaml` holds the names
and what is train, val and test. Polygons are filled as there (`polygon2mask`: corners cut to whole pixels, OpenCV),
and where they overlap the smaller lies over the larger, also as there (`polygons2masks_overlap`). Class 0 of the file
becomes class 1; 0 is "background".
"""

import posixpath
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from segkit.base.errors import DataError
from segkit.data.importers.drawing import Layer, filled, paint, points_of
from segkit.data.importers.export import SPLITS, Annotated, Export, plain_name, split_of
from segkit.data.importers.source import Source
from segkit.data.text import read_lines, read_text, read_yaml


def read(source: Source) -> Export:
    """The pictures of an export. Raises DataError where it has no YAML file with names, or no label file."""
    names, content = _description(source)
    export = Export()
    export.number_classes((names[key] for key in sorted(names)), background=True)
    labels = source.named(".txt")
    splits = _splits(source, content)
    used = 0
    for key, picture in source.pictures.items():
        label = _label_of(key)
        if label in labels:
            used += 1
        else:
            export.note(key, f"no {posixpath.basename(label)} for it, so nothing but background")
        with export.one_picture(label):
            layers = _layers(labels[label], names) if label in labels else []
            draw = paint(layers, export.numbers, smaller_on_top=True)
            name = plain_name(posixpath.splitext(key)[0], without="images")
            export.pictures.append(Annotated(name, picture, draw, None, _split_of(key, splits)))
    if not used:
        raise DataError(f"{source.path} has no label file beside a picture: the label of images/x.jpg is labels/x.txt")
    return export


def _description(source: Source) -> tuple[dict[int, str], dict[str, Any]]:
    """The names of the classes by their numbers, and all of the YAML file that gives them."""
    for path in source.named(".yaml", ".yml").values():
        content = read_yaml(path)
        if isinstance(content, dict) and "names" in content:
            names = content["names"]
            names = dict(enumerate(names)) if isinstance(names, list) else names
            if not isinstance(names, dict) or not all(isinstance(key, int) for key in names):
                raise DataError(f"{path} has `names` that are neither a list nor numbers with names: correct it")
            return {key: str(name) for key, name in names.items()}, content
    raise DataError(f"{source.path} has no data.yaml with the `names` of the classes: put it beside images and labels")


def _label_of(picture: str) -> str:
    """The last folder `images` replaced by `labels`, as Ultralytics' img2label_paths does."""
    return posixpath.splitext("/labels/".join(f"/{picture}".rsplit("/images/", 1)))[0][1:] + ".txt"


def _splits(source: Source, content: dict[str, Any]) -> dict[str, str]:
    """Picture, or folder with "/" at its end -> split, as `train`, `val` and `test` of the description say."""
    found = {}
    for split in SPLITS:
        value = content.get(split)
        for entry in value if isinstance(value, list) else [value]:
            if not isinstance(entry, str):
                continue
            place = re.sub(r"^(\.{0,2}/)+", "", posixpath.normpath(entry.replace("\\", "/")))
            if place in source.files and place.endswith(".txt"):
                found.update({re.sub(r"^(\.{0,2}/)+", "", line): split for line in read_lines(source.files[place])})
            elif place not in ("", "."):
                found[f"{place}/"] = split
    return found


def _split_of(picture: str, splits: dict[str, str]) -> str | None:
    if picture in splits:
        return splits[picture]
    folder = next((place for place in splits if place.endswith("/") and f"/{place}" in f"/{picture}"), None)
    return split_of(picture) if folder is None else splits[folder]


def _layers(path: Path, names: dict[int, str]) -> list[Layer]:
    layers: list[Layer] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            values = [float(word) for word in line.split()]
            value = int(values[0]) if values else 0
        except (ValueError, OverflowError):
            raise DataError(f"line {number} is not a class and a polygon: export it again") from None
        if not values:
            continue
        if len(values) == 5:
            raise DataError(f"line {number} is a box, not a polygon: export segmentations, not detections")
        if len(values) < 7 or len(values) % 2 == 0:
            raise DataError(f"line {number} has {len(values)} numbers, not a class and at least three corners")
        if value not in names:
            raise DataError(f"line {number} has the class {value}, which has no name in data.yaml: add it there")
        layers.append((names[value], partial(_polygon, values[1:])))
    return layers


def _polygon(corners: list[float], height: int, width: int) -> np.ndarray:
    scaled = np.array(corners).reshape(-1, 2) * (width, height)
    return filled([points_of(scaled, height=height, width=width)], height, width)
