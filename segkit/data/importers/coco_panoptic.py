"""COCO panoptic: https://cocodataset.org/#format-data, things and stuff as one label map.

A JSON file has `images`, `categories` and for each picture the `file_name` of a PNG, which lies in a folder called as
the JSON file or elsewhere in the export, and `segments_info`: the `id` and the `category_id` of each segment. A pixel
of the PNG is of the segment R + 256 G + 65536 B (panopticapi `utils.py`, rgb2id); 0 is no segment. The classes are the
categories in the order of their ids; crowds are of their category, too. Pixels of no segment, and those of one that
the JSON file does not name, are not labelled, unless the rules say that they are background.
"""

import posixpath
import re
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.data.importers.coco import as_id, by_picture, categories_of, is_coco, is_panoptic, split_in
from segkit.data.importers.export import Annotated, Drawn, Export, split_of
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Names, Source
from segkit.data.importers.tables import colour_runs
from segkit.data.text import read_json

UNNAMED = "a region of its PNG that the JSON file does not name: it is as pixels of no segment"
MISSING = "a segment of the JSON file that its PNG does not have"


def read(source: Source, rules: Rules) -> Export:
    """The pictures that the panoptic files of an export list. Raises DataError where there is none or it is broken."""
    documents = {
        name: content
        for name, path in source.named(".json").items()
        if is_coco(content := read_json(path)) and is_panoptic(content)
    }
    if not documents:
        raise DataError(
            f"{source.path} holds no COCO panoptic annotations (a JSON file whose annotations have segments_info): "
            "give the folder that has them"
        )
    export = Export()
    categories = categories_of(source, documents.values(), export)
    export.number_values(categories.values(), rules)
    for content in documents.values():
        for item in content["categories"]:
            if item.get("color") and (name := categories.get(as_id(item["id"]))):
                red, green, blue = (int(part) for part in item["color"])
                export.colours[export.numbers[name]] = red, green, blue
    if rules.unlabelled is None:
        export.say("pixels of no segment are not labelled (255); --unlabelled background: a class")
    numbers = {key: export.numbers[name] for key, name in categories.items()}
    for name, content in documents.items():
        _read_document(source, name, content, numbers, export, rules)
    return export


def _read_document(
    source: Source, file: str, content: Any, numbers: dict[str, int], export: Export, rules: Rules
) -> None:
    folder = posixpath.splitext(file)[0]
    pngs = [name for name in source.files if name.lower().endswith(".png")]
    masks = Names(pngs, anywhere=False)
    own = {name for name in pngs if name.startswith(f"{folder}/")}
    pictures = Names(source.pictures.keys() - (set() if source.elsewhere else own), anywhere=source.elsewhere)
    annotations = by_picture(content["annotations"])
    uses = Counter(as_id(image["id"]) for image in content["images"])
    for key in annotations.keys() - uses.keys():
        export.skip(file, f"the picture of an annotation ({key}) is not in its list: export again")
    for image in content["images"]:
        name, number = str(image.get("file_name")), as_id(image["id"])
        with export.one_picture(name):
            given = annotations.get(number, [])
            if len(given) != 1 or uses[number] != 1:
                raise DataError(
                    f"its id is that of {len(given)} annotations and {uses[number]} pictures, not of one of each: "
                    "export again"
                )
            key = pictures.find(image["file_name"], beside=posixpath.dirname(file))
            mask = source.files[_mask(masks, given[0]["file_name"], folder)]
            segments = _segments(given[0]["segments_info"], numbers)
            draw = partial(_draw, mask, segments, rules.empty if rules.unlabelled else IGNORE)
            size = (int(image["height"]), int(image["width"])) if image.get("height") and image.get("width") else None
            stem = posixpath.splitext(re.sub("^([A-Za-z]:)?[./]+", "", name.replace("\\", "/")))[0]
            split = split_in(file) or split_of(key)
            export.pictures.append(Annotated(stem, source.pictures[key], draw, size, split))


def _mask(masks: Names, name: Any, folder: str) -> str:
    try:
        return masks.find(name, beside=folder)
    except DataError:
        raise DataError(
            f"the PNG of its segments ({name}) is not there, or twice: put it into {folder}/ and give the folder of all"
        ) from None


def _segments(infos: Any, numbers: dict[str, int]) -> dict[int, int]:
    """The class of each segment by its colour code, which has red where ids have blue."""
    segments: dict[int, int] = {}
    for info in infos:
        number, category = int(info["id"]), as_id(info["category_id"])
        if not 0 < number < 2**24:
            raise DataError(f"a segment has the id {number}, which no colour stands for: export again")
        if category not in numbers:
            raise DataError(f"the category of a segment ({category}) is not in `categories`: export again")
        code = int.from_bytes(number.to_bytes(3, "little"), "big")
        if code in segments:
            raise DataError(f"two segments have one id ({number}): export again")
        segments[code] = numbers[category]
    return segments


def _draw(path: Path, segments: dict[int, int], empty: int, height: int, width: int) -> Drawn:
    runs = colour_runs(path)
    codes, places = np.unique(runs.codes, return_inverse=True)
    there = set(codes.tolist())
    values = np.array([segments.get(code, empty) for code in codes.tolist()], np.uint8)
    missing, unnamed = segments.keys() - there, there - segments.keys() - {0}
    return Drawn(
        runs.filled(values[places]),
        len(segments) - len(missing),
        (*[MISSING] * len(missing), *[UNNAMED] * len(unnamed)),
    )
