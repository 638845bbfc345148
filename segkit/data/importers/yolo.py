"""YOLO segmentation, as Ultralytics reads it: https://docs.ultralytics.com/datasets/segment/ and `data/utils.py`.

A line of a label file is a class number and the corners x y of a polygon in shares of the width and the height. The
label of `.../images/x.jpg` is `.../labels/x.txt`; a picture without one has no objects. `data.yaml` holds the names
and what is train, val and test; other tools write the names alone, one a line, into `classes.txt` or `obj.names`.
Polygons are filled as there (`polygon2mask`: corners cut to whole pixels, OpenCV), and where they overlap the smaller
lies over the larger, also as there (`polygons2masks_overlap`), unless the rules say another order. Class 0 of the file
becomes class 1; 0 is "background".
"""

import posixpath
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from segkit.base.errors import DataError
from segkit.data.importers.export import SPLITS, Annotated, Export, plain_name, split_of
from segkit.data.importers.outlines import NO_AREA, filled, points_of
from segkit.data.importers.painting import Layer, Painting, Patch
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source
from segkit.data.text import read_lines, read_text, read_yaml

NAME_FILES = ("classes.txt", "obj.names")
"""Files of the classes' names, where there is no YAML file."""

OUTSIDE = 2.0
"""Shares of the picture's sides further from 0 than this are no shares: they are pixels or percent."""


def read(source: Source, rules: Rules) -> Export:
    """The pictures of an export. Raises DataError where it has no file with names, or no label file."""
    names, content = _description(source)
    export = Export()
    export.number_objects((names[key] for key in sorted(names)), rules)
    labels = source.named(".txt")
    splits = _splits(source, content, export)
    used = 0
    for key, picture in source.pictures.items():
        label = _label_of(key)
        if label in labels:
            used += 1
        else:
            export.note(key, "no label file for it, so nothing but what is unlabelled")
        with export.one_picture(label):
            layers = _layers(labels[label], names, label, export, rules) if label in labels else []
            draw = Painting(layers, export.numbers, rules.order or "area", rules.empty)
            name = plain_name(posixpath.splitext(key)[0], without="images")
            export.pictures.append(Annotated(name, picture, draw, None, _split_of(key, splits)))
    if not used:
        raise DataError(f"{source.path} has no label file beside a picture: the label of images/x.jpg is labels/x.txt")
    return export


def _description(source: Source) -> tuple[dict[int, str], dict[str, Any]]:
    """The names of the classes by their numbers, and all of the YAML file that gives them, if one does."""
    for path in source.named(".yaml", ".yml").values():
        content = read_yaml(path)
        if isinstance(content, dict) and "names" in content:
            names = content["names"]
            names = dict(enumerate(names)) if isinstance(names, list) else names
            if not isinstance(names, dict) or not all(str(key).isdecimal() for key in names):
                raise DataError(f"{path} has `names` that are neither a list nor numbers with names: correct it")
            return {int(key): str(name) for key, name in names.items()}, content
    for name, path in source.files.items():
        if posixpath.basename(name) in NAME_FILES:
            return dict(enumerate(read_lines(path))), {}
    raise DataError(
        f"{source.path} has no data.yaml with the `names` of the classes, nor {' or '.join(NAME_FILES)}: put one "
        "beside images and labels"
    )


def _label_of(picture: str) -> str:
    """The last folder `images` replaced by `labels`, as Ultralytics' img2label_paths does."""
    return posixpath.splitext("/labels/".join(f"/{picture}".rsplit("/images/", 1)))[0][1:] + ".txt"


def _splits(source: Source, content: dict[str, Any], export: Export) -> dict[str, str]:
    """Picture, or folder with "/" at its end -> split, as `train`, `val` and `test` of the description say."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for split in SPLITS:
        value = content.get(split)
        for entry in value if isinstance(value, list) else [value]:
            if not isinstance(entry, str):
                continue
            place = re.sub(r"^(\.{0,2}/)+", "", posixpath.normpath(entry.replace("\\", "/")))
            if place in source.files and place.endswith(".txt"):
                named = [re.sub(r"^(\.{0,2}/)+", "", line) for line in read_lines(source.files[place])]
            else:
                named = [f"{place}/"] if place not in ("", ".") else []
            twice.update(name for name in named if found.setdefault(name, split) != split)
    if twice:
        first = sorted(twice)[0]
        export.say(f"{first} is in two splits of the YAML file, so that it says nothing about the split")
    return {name: split for name, split in found.items() if name not in twice}


def _split_of(picture: str, splits: dict[str, str]) -> str | None:
    if picture in splits:
        return splits[picture]
    folder = next((place for place in splits if place.endswith("/") and f"/{place}" in f"/{picture}"), None)
    return split_of(picture) if folder is None else splits[folder]


def _layers(path: Path, names: dict[int, str], label: str, export: Export, rules: Rules) -> list[Layer]:
    layers: list[Layer] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            values = [float(word) for word in line.split()]
            value = int(values[0]) if values else 0
        except (ValueError, OverflowError):
            raise DataError(f"line {number} is not a class and a polygon: export it again") from None
        if not values:
            continue
        if value not in names:
            raise DataError(f"line {number} has the class {value}, which has no name: add it to data.yaml")
        corners = values[1:]
        if len(corners) == 4:
            rules.box()
            corners = _corners_of_box(*corners)
        elif len(corners) % 2 or not corners:
            raise DataError(f"line {number} has {len(values)} numbers, not a class and pairs of x and y")
        if any(abs(share) > OUTSIDE for share in corners):
            raise DataError(
                f"line {number} has corners in pixels or percent ({max(map(abs, corners)):g}), not in shares of the "
                "picture's sides, 0 to 1: export them so"
            )
        if len(corners) < 6:
            export.note(label, NO_AREA)
        else:
            layers.append(Layer(names[value], partial(_polygon, corners)))
    return layers


def _corners_of_box(x: float, y: float, width: float, height: float) -> list[float]:
    sides = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    left, top, right, bottom = (round(side, 9) for side in sides)  # 0.3 - 0.2 is less than 0.1, and would be cut
    return [left, top, right, top, right, bottom, left, bottom]


def _polygon(corners: list[float], height: int, width: int) -> Patch:
    scaled = np.array(corners).reshape(-1, 2) * (width, height)
    return filled(points_of(scaled, height=height, width=width), height, width)
