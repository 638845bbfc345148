"""COCO instances, https://cocodataset.org/#format-data: the pictures in `images`, run lengths (RLE) for each object.

Background is what no object covers. Pixel for pixel what the label maps hold.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as api

from segkit.base.files import write_atomically
from segkit.data.exporters.objects import Annotated, Object

PICTURES = "images"
FILE = "annotations.json"


def write(pictures: Iterable[Annotated], classes: Sequence[str], folder: Path) -> None:
    """Write annotations.json, category 1 being the first of `classes`."""
    numbers = {name: number for number, name in enumerate(classes, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for picture in pictures:
        height, width = picture.size
        image = len(images) + 1
        images.append({"id": image, "file_name": picture.file, "height": height, "width": width})
        for item in picture.objects:
            about = {"id": len(annotations) + 1, "image_id": image, "category_id": numbers[item.name], "iscrowd": 0}
            annotations.append(about | _shape(item, height, width))
    categories = [{"id": number, "name": name, "supercategory": ""} for name, number in numbers.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_atomically(folder / FILE, json.dumps(content, ensure_ascii=False) + "\n")


def _shape(item: Object, height: int, width: int) -> dict[str, Any]:
    top, left, mask = item.patch
    packed = api.encode(np.asfortranarray(item.patch.whole(height, width), np.uint8))
    box = [left, top, mask.shape[1], mask.shape[0]]
    segmentation = {"size": [height, width], "counts": packed["counts"].decode()}
    return {"segmentation": segmentation, "area": int(mask.sum()), "bbox": box}
