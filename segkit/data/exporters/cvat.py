"""CVAT for images 1.1, https://docs.cvat.ai/docs/dataset_management/formats/format-cvat: masks in one annotations.xml.

Uploaded as annotations of a task that has the pictures in `images` and the same labels. Pixel for pixel what the label
maps hold.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from segkit.base.files import write_atomically
from segkit.data.exporters.objects import Annotated, runs

PICTURES = "images"
FILE = "annotations.xml"


def write(pictures: Iterable[Annotated], classes: Sequence[str], folder: Path) -> None:
    """Write annotations.xml. A mask is the lengths of its runs along the rows of its box."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    labels = ElementTree.SubElement(ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task"), "labels")
    for name in classes:
        ElementTree.SubElement(ElementTree.SubElement(labels, "label"), "name").text = name
    for number, picture in enumerate(pictures):
        height, width = map(str, picture.size)
        image = ElementTree.SubElement(root, "image", id=str(number), name=picture.file, width=width, height=height)
        for item in picture.objects:
            rows, columns = map(str, item.patch.mask.shape)
            place = {"left": str(item.patch.left), "top": str(item.patch.top), "width": columns, "height": rows}
            lengths = ", ".join(map(str, runs(item.patch.mask)))
            mask = {"label": item.name, "source": "file", "occluded": "0", "rle": lengths, **place, "z_order": "0"}
            ElementTree.SubElement(image, "mask", mask)
    ElementTree.indent(root)
    write_atomically(folder / FILE, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
