"""COCO instances: https://cocodataset.org/#format-data, drawn as the COCO API draws them.

One or several JSON files with `images`, `annotations` and `categories`. The classes are the categories in the order of
their ids, after "background". `segmentation` is polygons, or run lengths as numbers or as COCO's packed text; regions
of many objects (`iscrowd`) are drawn as their category (cocoapi PythonAPI `coco.py`, annToRLE). The format has no
order of depth: crowds lie below, else a later annotation lies over an earlier one, unless the rules say another order.
A JSON file that is called after a split (train, val, test), or lies in a folder of that name, gives it.

Other tools write ids as text and polygons as pairs of corners or not nested; Roboflow a category 0 that only heads the
others. All are read.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from segkit.base.errors import DataError
from segkit.data.importers.export import Annotated, Export, split_named, split_of
from segkit.data.importers.outlines import NO_AREA, coco_polygons
from segkit.data.importers.painting import Layer, Painting, Patch
from segkit.data.importers.rules import Rules
from segkit.data.importers.runs import rle_patch
from segkit.data.importers.source import Source
from segkit.data.text import read_json


def read(source: Source, rules: Rules) -> Export:
    """The pictures that the instance files of an export list. Raises DataError where there is none or it is broken."""
    documents = {}
    for name, path in source.named(".json").items():
        content = read_json(path)
        if is_coco(content) and not is_panoptic(content):
            documents[name] = {"annotations": [], **content}
    # Beside them COCO keeps the key points of the same pictures, in files of the same kind.
    instances = {name: content for name, content in documents.items() if "instances" in posixpath.basename(name)}
    documents = instances or documents
    if not documents:
        raise DataError(
            f"{source.path} holds no COCO instances (a JSON file with images, annotations and categories): "
            "export in the COCO format"
        )
    export = Export()
    categories = categories_of(source, documents.values(), export)
    export.number_objects(categories.values(), rules)
    for name, content in documents.items():
        _read_document(source, name, content, categories, export, rules)
    return export


def is_coco(content: Any) -> bool:
    """Whether a JSON file is of one of COCO's forms."""
    return isinstance(content, dict) and {"images", "categories"} <= content.keys()


def is_panoptic(content: dict[str, Any]) -> bool:
    """Whether the annotations of a file of COCO are those of its panoptic form."""
    annotations = content.get("annotations")
    first = annotations[0] if isinstance(annotations, list) and annotations else None
    return isinstance(first, dict) and "segments_info" in first


def coco_patch(segmentation: Any, height: int, width: int) -> Patch:
    """COCO's `segmentation` of an object, as polygons or as run lengths; DataError where it is neither, or wrong."""
    draw = rle_patch if isinstance(segmentation, dict) else coco_polygons
    return draw(segmentation, height, width)


def by_picture(annotations: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The annotations of each picture, by its id as `as_id` gives it, in the order of the file."""
    found: dict[str, list[dict[str, Any]]] = {}
    for annotation in annotations:
        found.setdefault(as_id(annotation["image_id"]), []).append(annotation)
    return found


def as_id(value: Any) -> str:
    """An id that may be written as a number in one place and as text in another."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _order(key: str) -> tuple[bool, int, str]:
    """Numbers by their size, before other text."""
    return not key.isdecimal(), int(key) if key.isdecimal() else 0, key


def categories_of(source: Source, documents: Iterable[dict[str, Any]], export: Export) -> dict[str, str]:
    """The names of the categories by their ids and in order of these, less one that only heads the others."""
    found: dict[str, str] = {}
    above: set[str] = set()
    used: set[str] = set()
    heads = False
    for content in documents:
        for item in content["categories"]:
            known = found.setdefault(as_id(item["id"]), item["name"])
            if known != item["name"]:
                raise DataError(
                    f"{source.path} has files in which category {item['id']} is {item['name']!r} and {known!r}: "
                    "import them one by one"
                )
            if as_id(item["id"]) == "0":
                heads = item.get("supercategory") in ("none", "", None)
            else:
                above.add(str(item.get("supercategory")))
        for annotation in content["annotations"]:
            used.update(as_id(item.get("category_id")) for item in annotation.get("segments_info", [annotation]))
    if heads and "0" not in used and found["0"] in above and len(found) > 1:
        export.say(f"category 0 ({found['0']}) has no objects and only heads the others: it is no class")
        del found["0"]
    return {key: found[key] for key in sorted(found, key=_order)}


def _read_document(
    source: Source, file: str, content: Any, categories: dict[str, str], export: Export, rules: Rules
) -> None:
    annotations = by_picture(content["annotations"])
    uses = Counter(as_id(image["id"]) for image in content["images"])
    for key in annotations.keys() - uses.keys():
        for _ in annotations[key]:
            export.note(file, "an object of a picture that the file does not list")
    for image in content["images"]:
        name, number = str(image.get("file_name")), as_id(image["id"])
        with export.one_picture(name):
            if not annotations:
                raise DataError(f"its file ({file}) has no annotations at all: export them too, or take it out")
            if uses[number] > 1 and number in annotations:
                raise DataError("its id is another picture's too, so nobody knows whose the objects are: export again")
            key = source.picture(image["file_name"], beside=posixpath.dirname(file))
            size = (int(image["height"]), int(image["width"])) if image.get("height") and image.get("width") else None
            layers = _layers(annotations.get(number, ()), categories, name, export, rules)
            draw = Painting(layers, export.numbers, rules.order or "file", rules.empty)
            where = re.sub("^([A-Za-z]:)?[./]+", "", name.replace("\\", "/"))
            split = split_in(file) or split_of(key)
            stem = posixpath.splitext(where)[0]
            export.pictures.append(Annotated(stem, source.pictures[key], draw, size, split))


def split_in(file: str) -> str | None:
    """The split that the folder of a JSON file tells, or its name: "train" of "instances_train2017.json"."""
    if split := split_of(file):
        return split
    words = re.split("[^a-z]+", PurePosixPath(file).stem.lower())
    return next((split for word in words if (split := split_named(word))), None)


def _layers(
    annotations: Iterable[Any], categories: dict[str, str], name: str, export: Export, rules: Rules
) -> list[Layer]:
    layers: list[Layer] = []
    for annotation in annotations:
        segmentation = annotation.get("segmentation")
        if not segmentation and annotation.get("bbox"):
            rules.box()
            x, y, width, height = annotation["bbox"]
            segmentation = [[x, y, x + width, y, x + width, y + height, x, y + height]]
        elif not segmentation:
            export.note(name, "an object without outline and box")
            continue
        category = categories.get(as_id(annotation["category_id"]))
        if category is None:
            raise DataError(
                f"the category of an object ({annotation['category_id']}) is not in `categories`: export again"
            )
        if not isinstance(segmentation, dict):
            polygons = _polygons(segmentation)
            segmentation = [polygon for polygon in polygons if _numbers(polygon) >= 6]
            for _ in range(len(polygons) - len(segmentation)):
                export.note(name, NO_AREA)
        if segmentation:
            layers.append(Layer(category, partial(coco_patch, segmentation), bool(annotation.get("iscrowd"))))
    return layers


def _polygons(segmentation: Sequence[Any]) -> list[Sequence[Any]]:
    """The polygons of an object; one may stand there without a list around it, as numbers or as pairs of them."""
    if all(isinstance(item, int | float) for item in segmentation):
        return [segmentation]
    if len(segmentation) > 2 and all(_is_pair(item) for item in segmentation):
        return [segmentation]
    return list(segmentation)


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(isinstance(value, int | float) for value in item)


def _numbers(polygon: Sequence[Any]) -> int:
    """How many numbers a polygon has, given flat or as corners."""
    if all(isinstance(item, list) for item in polygon):
        return sum(map(len, polygon))
    return len(polygon)
