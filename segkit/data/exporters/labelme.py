"""labelme (https://github.com/wkentaro/labelme): a JSON file beside each picture, and labels.txt with the classes.

An object is a polygon, which the tool can edit, where one draws the same pixels (`labelme/_utils/shape.py`); else, as
where it has a hole, a mask. Pixel for pixel what the label maps hold.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from segkit.base.files import write_atomically
from segkit.base.label_files import label_png
from segkit.data.exporters.objects import Annotated, Object

PICTURES = "."
VERSION = "5.5.0"
"""Of labelme, whose form this is."""


def write(pictures: Iterable[Annotated], classes: Sequence[str], folder: Path) -> None:
    """Write a JSON file for each picture, and labels.txt."""
    for picture in pictures:
        height, width = picture.size
        content: dict[str, Any] = {
            "version": VERSION,
            "flags": {},
            "shapes": [_shape(item) for item in picture.objects],
            "imagePath": picture.file,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        write_atomically((folder / picture.file).with_suffix(".json"), text)
    write_atomically(folder / "labels.txt", "".join(f"{name}\n" for name in ("__ignore__", "_background_", *classes)))


def _shape(item: Object) -> dict[str, Any]:
    about: dict[str, Any] = {"label": item.name, "group_id": None, "description": "", "flags": {}}
    top, left, mask = item.patch
    corners = _outline(mask)
    if corners is not None:
        points = (corners + np.array([left, top], float)).tolist()
        return about | {"points": points, "shape_type": "polygon", "mask": None}
    height, width = mask.shape
    points = [[left, top], [left + width - 1, top + height - 1]]
    data = label_png(mask.astype(np.uint8), ((0, 0, 0), (255, 255, 255)))
    return about | {"points": points, "shape_type": "mask", "mask": base64.b64encode(data).decode()}


def _outline(mask: np.ndarray) -> np.ndarray | None:
    """The corners (N, 2) of a polygon that labelme draws as the mask, if there is one."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corners = found[0][:, 0]
    if len(corners) < 3:
        return None
    image = Image.new("L", mask.shape[::-1])
    ImageDraw.Draw(image).polygon([(x, y) for x, y in corners.tolist()], outline=1, fill=1)
    return corners if np.array_equal(np.array(image, bool), mask) else None
