"""A whole export of each annotation tool that segkit imports."""

import io
import zlib
from base64 import b64encode
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_masks

from segkit.data.exporters.label_studio import encode_rle

_MASK = np.eye(4, 6, dtype=bool)


def _png(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()


_POLYGON = [[0, 0], [5, 0], [5, 3], [0, 3]]
_COLOURS = np.array([[(0, 0, 0), (250, 50, 83)] * 3] * 4, np.uint8)
_SHAPES = [
    {"label": "cat", "points": _POLYGON, "group_id": None, "shape_type": "polygon", "flags": {}},
    {"label": "dog", "points": [[1, 1], [3, 2]], "group_id": None, "shape_type": "rectangle", "flags": {}},
    {"label": "dog", "points": [[0, 0], [5, 3]], "shape_type": "mask", "mask": b64encode(_png(_MASK)).decode()},
]
_RECTANGLE = {
    "type": "polygonlabels",
    "value": {"points": [[0, 0], [90, 0], [90, 90]], "polygonlabels": ["cat"]},
    "to_name": "image",
    "from_name": "tag",
    "original_width": 6,
    "original_height": 4,
}
_BRUSH = _RECTANGLE | {
    "type": "brushlabels",
    "value": {"format": "rle", "rle": list(encode_rle(_MASK)), "brushlabels": ["dog"]},
}
EXPORTS: dict[str, dict[str, Any]] = {
    "coco": {
        "annotations.json": {
            "images": [{"id": 1, "file_name": "a.png", "width": 6, "height": 4}],
            "categories": [{"id": 7, "name": "cat"}],
            "annotations": [
                {"id": 1, "image_id": 1, "category_id": 7, "iscrowd": 0, "segmentation": [[0, 0, 5, 0, 5, 3]]},
                {
                    "id": 2,
                    "image_id": 1,
                    "category_id": 7,
                    "iscrowd": 1,
                    "segmentation": {"size": [4, 6], "counts": [3, 9, 12]},
                },
                {
                    "id": 3,
                    "image_id": 1,
                    "category_id": 7,
                    "segmentation": {
                        "size": [4, 6],
                        "counts": coco_masks.encode(np.asfortranarray(_MASK))["counts"].decode(),
                    },
                },
            ],
        }
    },
    "labelme": {
        "a.json": {
            "version": "5",
            "shapes": _SHAPES,
            "imagePath": "a.png",
            "imageData": None,
            "imageHeight": 4,
            "imageWidth": 6,
        }
    },
    "label-studio": {
        "p.json": [
            {"id": 1, "data": {"image": "/data/a.png"}, "annotations": [{"id": 1, "result": [_RECTANGLE, _BRUSH]}]}
        ]
    },
    "supervisely": {
        "ds/ann/a.png.json": {
            "size": {"height": 4, "width": 6},
            "objects": [
                {"classTitle": "cat", "geometryType": "polygon", "points": {"exterior": _POLYGON, "interior": []}},
                {
                    "classTitle": "cat",
                    "geometryType": "bitmap",
                    "bitmap": {"data": b64encode(zlib.compress(_png(_MASK))).decode(), "origin": [0, 0]},
                },
            ],
        },
        "meta.json": {"classes": [{"title": "cat", "shape": "any", "color": "#FF0000"}]},
    },
    "yolo": {
        "labels/a.txt": "0 0 0 0.5 0 0.5 0.5\n1 0.1 0.1 0.9 0.1 0.9 0.9\n",
        "data.yaml": "names: {0: cat, 1: dog}\n",
    },
    "cvat annotations": {
        "annotations.xml": '<?xml version="1.0"?>\n<annotations><version>1.1</version><meta><task><labels>'
        "<label><name>cat</name></label><label><name>dog</name></label></labels></task></meta>"
        '<image id="0" name="a.png" width="6" height="4" subset="train">'
        '<polygon label="cat" points="0,0;5,0;5,3" z_order="1"/><box label="dog" xtl="1" ytl="1" xbr="3" ybr="2"/>'
        '<mask label="dog" rle="1, 2, 1" left="1" top="1" width="2" height="2"/>'
        '<ellipse label="cat" cx="2" cy="2" rx="1" ry="1" rotation="30"/><tag label="cat"/></image></annotations>\n',
    },
    "via": {
        "via.json": {
            "a.png99": {
                "filename": "a.png",
                "size": 99,
                "regions": [
                    {
                        "shape_attributes": {"name": "polygon", "all_points_x": [0, 5, 5], "all_points_y": [0, 0, 3]},
                        "region_attributes": {"class": "cat"},
                    },
                    {
                        "shape_attributes": {"name": "ellipse", "cx": 2, "cy": 2, "rx": 2, "ry": 1, "theta": 0.5},
                        "region_attributes": {"class": {"dog": True}},
                    },
                ],
            }
        },
    },
    "cvat": {
        "labelmap.txt": "background:0,0,0::\ncar:250,50,83::\n",
        "SegmentationClass/a.png": _COLOURS,
        "ImageSets/Segmentation/default.txt": "a\n",
    },
    "roboflow": {
        "train/_classes.csv": "Pixel Value, Class\n0, background\n1, car\n",
        "train/a_mask.png": np.eye(4, 6, dtype=np.uint8),
    },
    "masks": {"table.csv": "value,class\n0,background\n1,car\n", "masks/a.png": np.eye(4, 6, dtype=np.uint8)},
}
"""Of each format the files of one export, the one that is damaged first."""

PICTURE_AT = {
    "supervisely": "ds/img/a.png",
    "yolo": "images/a.png",
    "cvat": "JPEGImages/a.png",
    "roboflow": "train/a.png",
    "masks": "images/a.png",
}
"""Where the picture lies, if not at a.png."""
