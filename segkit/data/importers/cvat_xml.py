"""CVAT's own annotations, "CVAT for images 1.1" and "for video 1.1": one XML file for each task or for a project.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat. Polygons, boxes and ellipses are filled as CVAT fills
them for its masks, by the COCO API (datumaro `util/mask_tools.py`; an ellipse as a polygon of 720 corners, datumaro
`components/annotation.py`); a mask is the lengths of its runs along the rows of its box. What has the higher `z_order`
lies on top, else what is later. Of a track each frame has its own shape, unless it is `outside` there; frames are
called as CVAT writes them, frame_000000. The classes are the labels in the order of the project, but for those that are
made for tags, points or lines alone: tags are of whole pictures and say nothing of pixels, the others have no area.
"""

import math
import posixpath
import re
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from segkit.base.errors import DataError
from segkit.data.importers.export import Annotated, Export, expected_form, split_named, split_of
from segkit.data.importers.outlines import NO_AREA, coco_polygons, ellipse, turned
from segkit.data.importers.painting import NOTHING, Layer, Painting, Patch
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Names, Source
from segkit.data.text import read_text

_WITHOUT_AREA = frozenset({"polyline", "points", "skeleton", "cuboid"})
_AREAS = frozenset({"polygon", "mask", "box", "ellipse"})
_NO_CLASSES = _WITHOUT_AREA | {"tag"}
"""Types of labels that no object with an area has."""


def documents(source: Source) -> dict[str, ElementTree.Element]:
    """The annotations in a source, by the names of their files. Raises DataError for a file that is broken."""
    found = {name: _parsed(path) for name, path in source.named(".xml").items()}
    return {name: root for name, root in found.items() if root is not None}


def read(source: Source, files: dict[str, ElementTree.Element], rules: Rules) -> Export:
    """The annotated pictures and frames of `documents`. Raises DataError where they are not as CVAT writes them."""
    export = Export()
    with expected_form(str(source.path)):
        labels = [label for root in files.values() for label in root.findall("meta//labels/label")]
        listed = [label.findtext("name", "") for label in labels if label.findtext("type") not in _NO_CLASSES]
        used = {shape.get("label", "") for root in files.values() for shape in root.iter() if shape.tag in _AREAS}
        tracks = {track.get("label", "") for root in files.values() for track in root.findall("track")}
        export.number_objects([*listed, *sorted((used | tracks) - {""} - set(listed))], rules)
        for name, root in files.items():
            if root.find("track") is not None:
                _read_video(source, name, root, export, rules)
            else:
                _read_images(source, name, root, export, rules)
    return export


def _parsed(path: Path) -> ElementTree.Element | None:
    """The root of a file of annotations; None for another's. Entities, which can fill any memory, are refused."""
    text = read_text(path)
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text):
        raise DataError(f"{path} declares a document type or entities, which CVAT never does: export it again")
    try:
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{path} is no XML, or cut short ({error}): export it again") from None
    return root if root.tag == "annotations" else None


def _read_images(source: Source, file: str, root: ElementTree.Element, export: Export, rules: Rules) -> None:
    for image in root.findall("image"):
        name = image.get("name") or ""
        with export.one_picture(name or f"image {image.get('id')}"):
            key = source.picture(name, beside=posixpath.dirname(file))
            size = int(image.attrib["height"]), int(image.attrib["width"])
            split = split_named(image.get("subset") or "") or split_of(key)
            draw = _painting(key, [(shape, shape.get("label")) for shape in image], export, rules)
            export.pictures.append(Annotated(posixpath.splitext(name)[0], source.pictures[key], draw, size, split))


def _read_video(source: Source, file: str, root: ElementTree.Element, export: Export, rules: Rules) -> None:
    frames: dict[int, list[tuple[ElementTree.Element, str | None]]] = {}
    for track in root.findall("track"):
        for shape in track:
            shapes = frames.setdefault(int(shape.attrib["frame"]), [])
            if shape.get("outside") != "1":
                shapes.append((shape, track.get("label")))
    shown = root.find("meta//original_size")
    size = None if shown is None else (int(shown.findtext("height", "0")), int(shown.findtext("width", "0")))
    stems = {posixpath.splitext(key)[0]: key for key in source.pictures}
    names, beside = Names(stems, anywhere=True), posixpath.dirname(file)
    count = int(root.findtext("meta//size", "0"))
    left_out = max(0, count - len(frames))
    for number, shapes in sorted(frames.items()):
        name = f"frame_{number:06d}"
        with export.one_picture(name):
            key = stems[names.find(name, beside=beside)]
            draw = _painting(key, shapes, export, rules)
            export.pictures.append(Annotated(name, source.pictures[key], draw, size, split_of(key)))
    if left_out:
        export.note(file, f"{left_out} of {count} frames, on which nothing is annotated")


def _painting(key: str, shapes: list[tuple[ElementTree.Element, str | None]], export: Export, rules: Rules) -> Painting:
    """What draws the shapes of a picture, each with its label. Raises DataError where one cannot be read."""
    layers: list[tuple[int, Layer]] = []
    for shape, label in shapes:
        if shape.tag in _WITHOUT_AREA:
            export.note(key, f"a {shape.tag}, which has no area")
        elif shape.tag not in _AREAS:
            export.note(key, f"a {shape.tag}, which says nothing of pixels")
        elif shape.tag == "polygon" and len(_points(shape)) < 3:
            export.note(key, NO_AREA)
        elif not label:
            raise DataError("an object has no label: give it one")
        else:
            if shape.tag == "box":
                rules.box()
            layers.append((int(shape.get("z_order") or 0), Layer(label, partial(_patch, shape))))
    layers.sort(key=lambda item: item[0])
    return Painting([layer for _, layer in layers], export.numbers, rules.order or "file", rules.empty)


def _points(shape: ElementTree.Element) -> list[list[float]]:
    points = [[float(value) for value in point.split(",")] for point in shape.attrib["points"].split(";") if point]
    if any(len(point) != 2 for point in points):
        raise DataError("a polygon is not a list of x and y: export it again")
    return points


def _patch(shape: ElementTree.Element, height: int, width: int) -> Patch:
    if shape.tag == "mask":
        return _mask(shape, height, width)
    angle = math.radians(float(shape.get("rotation") or 0))  # about the middle, in degrees clockwise
    if shape.tag == "polygon":
        corners = np.array(_points(shape), np.float64)
    elif shape.tag == "box":
        left, top, right, bottom = (float(shape.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
        box = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)
        corners = turned(box, angle, box.mean(axis=0))
    else:
        x, y, across, down = (float(shape.attrib[key]) for key in ("cx", "cy", "rx", "ry"))
        corners = ellipse((x, y), across, down, angle)
    return coco_polygons([corners], height, width)


def _mask(shape: ElementTree.Element, height: int, width: int) -> Patch:
    left, top, columns, rows = (int(float(shape.attrib[key])) for key in ("left", "top", "width", "height"))
    if not (left >= 0 and top >= 0 and 0 < columns <= width - left and 0 < rows <= height - top):
        raise DataError(f"a mask of {columns}x{rows} pixels at {left}, {top} juts out of its picture: export it again")
    lengths = [int(length) for length in shape.attrib["rle"].split(",") if length.strip()]
    if min(lengths, default=0) < 0 or sum(lengths) != rows * columns:
        raise DataError(f"a mask's run lengths (RLE) do not fill its box of {columns}x{rows} pixels: export it again")
    runs = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(rows, columns)
    return Patch(top, left, runs) if runs.any() else NOTHING
