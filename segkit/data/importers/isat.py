"""ISAT with Segment Anything: one JSON file a picture (https://github.com/yatengLG/ISAT_with_segment_anything).

`info` has the description "ISAT", the name and the size of the picture; of the `objects` each has a `category`, a
polygon as its `segmentation` and a `layer`. They are drawn as the tool's own masks are (`formats/voc.py`): a higher
layer over a lower one, in one layer a later over an earlier, with corners cut to whole pixels, crowds too; the
`group` of an object tells instances apart and changes no class. The classes are those of `isat.yaml`, if it is there,
in its order, then the others in alphabetical order; 0 is "background" (`__background__`).
"""

import posixpath
from functools import partial
from typing import Any

from segkit.base.errors import DataError
from segkit.data.importers.export import Annotated, Export, split_of
from segkit.data.importers.outlines import NO_AREA, points_of, within
from segkit.data.importers.painting import Layer, Painting, Patch
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source
from segkit.data.text import read_yaml

CLASSES = "isat.yaml"


def is_isat(content: Any) -> bool:
    """Whether a JSON file is this tool's."""
    info = content.get("info") if isinstance(content, dict) and "objects" in content else None
    return isinstance(info, dict) and info.get("description") == "ISAT"


def read(source: Source, rules: Rules) -> Export:
    """The annotated pictures. Raises DataError where no JSON file is of this tool."""
    export = Export()
    documents = {name: content for name, content in export.readable(source.named(".json")) if is_isat(content)}
    if not documents:
        broken = f" ({export.skipped[0].file} {export.skipped[0].reason})" if export.skipped else ""
        raise DataError(f"{source.path} holds no JSON file of ISAT, whose info has the description ISAT{broken}")
    listed = [
        str(row["name"])
        for name, path in source.files.items()
        if posixpath.basename(name) == CLASSES
        for row in read_yaml(path)["label"]
    ]
    used = {str(item["category"]) for content in documents.values() for item in content["objects"]}
    export.number_objects([*listed, *sorted(used - {*listed})], rules)
    for name, content in documents.items():
        with export.one_picture(name):
            info = content["info"]
            key = source.picture(info["name"], beside=posixpath.dirname(name))
            size = (int(info["height"]), int(info["width"])) if info.get("height") and info.get("width") else None
            layers = _layers(content["objects"], name, export)
            draw = Painting(layers, export.numbers, rules.order or "file", rules.empty)
            split = split_of(name) or split_of(key)
            export.pictures.append(Annotated(posixpath.splitext(key)[0], source.pictures[key], draw, size, split))
    return export


def _layers(objects: Any, file: str, export: Export) -> list[Layer]:
    layers = []
    for item in sorted(objects, key=lambda item: float(item.get("layer", 2))):
        if len(item["segmentation"]) < 3:
            export.note(file, NO_AREA)
        else:
            layers.append(Layer(str(item["category"]), partial(_patch, item["segmentation"])))
    return layers


def _patch(segmentation: Any, height: int, width: int) -> Patch:
    return within(points_of(segmentation, height=height, width=width), height, width)
