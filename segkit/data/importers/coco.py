"""COCO instances: https://cocodataset.org/#format-data, drawn as the COCO API draws them.

One or several JSON files with `images`, `annotations` and `categories`. The classes are the categories in the order of
their ids, after "background". `segmentation` is polygons, or run lengths as numbers or as COCO's packed text; regions
of many objects (`iscrowd`) are drawn as their category (cocoapi PythonAPI `coco.py`, annToRLE). The format has no
order of depth: crowds lie below, else a later annotation lies over an earlier one. A JSON file that is called after a
split (train, val, test), or lies in a folder of that name, gives it.
"""

import posixpath
import re
from collections.abc import Iterable
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from segkit.base.errors import DataError
from segkit.data.importers.drawing import Layer, coco_mask, paint
from segkit.data.importers.export import Annotated, Export, split_named, split_of
from segkit.data.importers.source import Source
from segkit.data.text import read_json


def read(source: Source) -> Export:
    """The pictures that the instance files of an export list. Raises DataError where there is none or it is broken."""
    documents = {}
    for name, path in source.named(".json").items():
        content = read_json(path)
        if isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys():
            documents[name] = content
    # Beside them COCO keeps the key points of the same pictures, in files of the same kind.
    instances = {name: content for name, content in documents.items() if "instances" in posixpath.basename(name)}
    documents = instances or documents
    if not documents:
        raise DataError(
            f"{source.path} holds no COCO instances (a JSON file with images, annotations and categories): "
            "export in the COCO format"
        )
    categories: dict[int, str] = {}
    for item in (item for content in documents.values() for item in content["categories"]):
        known = categories.setdefault(int(item["id"]), item["name"])
        if known != item["name"]:
            raise DataError(
                f"{source.path} has files in which category {item['id']} is {item['name']!r} and {known!r}: "
                "import them one by one"
            )
    export = Export()
    export.number_classes((categories[key] for key in sorted(categories)), background=True)
    for name, content in documents.items():
        _read_document(source, name, content, categories, export)
    return export


def by_picture(annotations: Iterable[dict[str, Any]]) -> dict[Any, list[dict[str, Any]]]:
    """The annotations of each picture, by its number, in the order of the file."""
    found: dict[Any, list[dict[str, Any]]] = {}
    for annotation in annotations:
        found.setdefault(annotation["image_id"], []).append(annotation)
    return found


def _read_document(source: Source, file: str, content: Any, categories: dict[int, str], export: Export) -> None:
    annotations = by_picture(content["annotations"])
    for image in content["images"]:
        name = str(image.get("file_name"))
        with export.one_picture(name):
            key = source.picture(image["file_name"], beside=posixpath.dirname(file))
            size = int(image["height"]), int(image["width"])
            draw = paint(_layers(annotations.get(image["id"], ()), categories, name, export), export.numbers)
            where = re.sub("^([A-Za-z]:)?[./]+", "", name.replace("\\", "/"))
            split = split_of(file) or _split_in(file) or split_of(key)
            stem = posixpath.splitext(where)[0]
            export.pictures.append(Annotated(stem, source.pictures[key], draw, size, split))


def _split_in(file: str) -> str | None:
    """ "train" of "instances_train2017.json"."""
    words = re.split("[^a-z]+", PurePosixPath(file).stem.lower())
    return next((split for word in words if (split := split_named(word))), None)


def _layers(annotations: Iterable[Any], categories: dict[int, str], name: str, export: Export) -> list[Layer]:
    layers: list[Layer] = []
    for annotation in sorted(annotations, key=lambda item: not item.get("iscrowd")):
        segmentation = annotation.get("segmentation")
        if not segmentation:
            raise DataError(
                "it has objects with a box alone, no segmentation: outline them, or export them as polygons"
            )
        category = categories.get(annotation["category_id"])
        if category is None:
            raise DataError(
                f"category {annotation['category_id']} of an object is not in `categories`: export it again"
            )
        if not isinstance(segmentation, dict):
            polygons = [polygon for polygon in segmentation if len(polygon) >= 6]
            if len(polygons) < len(segmentation):
                export.note(name, "a polygon with fewer than three corners, which has no area")
            segmentation = polygons
        layers.append((category, partial(coco_mask, segmentation)))
    return layers
