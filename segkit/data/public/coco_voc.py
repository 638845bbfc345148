"""COCO's instances as label maps of VOC's 20 classes: what a network is trained on before it sees VOC.

The rule is that of torchvision's references (`references/segmentation/coco_utils.py`), one thing apart: objects of one
class that overlap stay that class, and only pixels that objects of different classes claim become IGNORE.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, VOC_CLASSES, voc_palette
from segkit.base.pictures import MAX_PIXELS
from segkit.data.importers.coco import as_id, by_picture, coco_patch
from segkit.data.importers.export import expected_form
from segkit.data.pairs import write_names
from segkit.data.public.archive import Announce
from segkit.data.text import read_json

MIN_AREA = 1000
"""A picture is taken if the `area` of its annotations of VOC's classes is more than this together, in pixels."""

RENAMED = {
    "airplane": "aeroplane",
    "couch": "sofa",
    "dining table": "diningtable",
    "motorcycle": "motorbike",
    "potted plant": "pottedplant",
    "tv": "tvmonitor",
}
"""COCO's names of VOC's classes, where they differ."""


class CocoPicture(NamedTuple):
    """A picture that is taken: its entry in `images`, and its annotations of VOC's classes in the file's order."""

    image: dict[str, Any]
    annotations: list[dict[str, Any]]

    @property
    def stem(self) -> str:
        """The file's name without ending."""
        return Path(self.image["file_name"]).stem


class CocoInstances:
    """An `instances_*.json` of COCO (https://cocodataset.org/#format-data), read and checked.

    Raises DataError where the file is missing, no JSON or not of that form.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = read_json(path)
        with self._of_this_form():
            self._labels = _labels_of_categories(content["categories"])
            self._images = {image["id"]: image for image in content["images"]}
            self._annotations = by_picture(content["annotations"])
            for image in self._images.values():
                _check_image(image)

    def pictures(self) -> list[CocoPicture]:
        """The pictures with more than MIN_AREA pixels of VOC's classes, by the number that COCO gives them."""
        taken = []
        with self._of_this_form():
            for number, image in sorted(self._images.items()):
                entries = self._annotations.get(as_id(number), ())
                wanted = [entry for entry in entries if entry["category_id"] in self._labels]
                if sum(entry["area"] for entry in wanted) > MIN_AREA:
                    taken.append(CocoPicture(image, wanted))
        return taken

    def label(self, picture: CocoPicture) -> np.ndarray:
        """The label map of a picture, uint8 (H, W), its objects drawn as the COCO API draws them.

        Raises DataError for an outline that cannot be drawn.
        """
        height, width = picture.image["height"], picture.image["width"]
        claims: dict[int, np.ndarray] = {}
        for entry in picture.annotations:
            with self._of_this_form(f"annotation {entry.get('id')} of {picture.image['file_name']}: "):
                outline, label = entry["segmentation"], self._labels[entry["category_id"]]
                _check_polygons(outline, height, width)
                claims[label] = claims.get(label, False) | coco_patch(outline, height, width).whole(height, width)
        return _merge(claims, height, width)

    @contextmanager
    def _of_this_form(self, where: str = "") -> Iterator[None]:
        try:
            with expected_form():
                yield
        except DataError as error:
            raise DataError(f"{self.path}: {where}{error}") from None


def convert(instances: CocoInstances, labels: Path, names: Path, announce: Announce) -> int:
    """Write a label map for each picture that is taken into `labels`, and their names, one a line, into `names`.

    Labels that are there already are kept, so that an interrupted call goes on. Returns how many pictures are taken.
    Raises DataError where none is, and as `CocoInstances` does; OutputError where it cannot be written.
    """
    pictures = instances.pictures()
    if not pictures:
        raise DataError(f"{instances.path} has no picture with more than {MIN_AREA} pixels of VOC's classes")
    for index, picture in enumerate(pictures):
        path = labels / f"{picture.stem}.png"
        if not path.is_file():
            save_label(path, instances.label(picture), voc_palette(len(VOC_CLASSES)))
        announce(f"drawing the labels of {names.stem}", index + 1, len(pictures))
    write_names(names, (picture.stem for picture in pictures))
    return len(pictures)


def _labels_of_categories(categories: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """VOC's label of each category's id; all 20 have to be there."""
    found = {}
    for category in categories:
        name = RENAMED.get(category["name"], category["name"])
        if name in VOC_CLASSES[1:]:
            found[category["id"]] = VOC_CLASSES.index(name)
    lacking = [name for label, name in enumerate(VOC_CLASSES) if label and label not in found.values()]
    if lacking:
        raise DataError(f"the categories are not COCO's: {', '.join(lacking)} cannot be told among them")
    return found


def _check_image(image: Mapping[str, Any]) -> None:
    height, width, name = image["height"], image["width"], image["file_name"]
    if not all(isinstance(side, int) and side > 0 for side in (height, width)) or height * width > MAX_PIXELS:
        raise DataError(f"{name!r} is said to have {width}x{height} pixels: get the annotations again")
    if not re.fullmatch(r"\w[\w-]*\.jpg", name):
        raise DataError(f"a picture is called {name!r}, which is no plain name: get the annotations again")


def _check_polygons(outline: Any, height: int, width: int) -> None:
    """Refuse what `coco_patch` would cut: all of COCO's own are near their pictures."""
    far = 2 * max(height, width)
    if not isinstance(outline, dict) and any(abs(at) > far for polygon in outline for at in polygon):
        raise DataError("a polygon is far outside of its picture: get the annotations again")


def _merge(claims: Mapping[int, np.ndarray], height: int, width: int) -> np.ndarray:
    """The label that each pixel is claimed by: background by none, IGNORE by several."""
    label = np.zeros((height, width), np.uint8)
    for value, mask in claims.items():
        label[mask] = np.where(label[mask] == 0, value, IGNORE)
    return label
