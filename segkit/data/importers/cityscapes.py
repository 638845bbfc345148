"""Cityscapes: https://www.cityscapes-dataset.com, its polygons and the masks that are made of them.

`gtFine/SPLIT/CITY/x_gtFine_polygons.json` (or `gtCoarse`, where there is nothing finer) has the size and the `objects`
of `leftImg8bit/SPLIT/CITY/x_leftImg8bit.png`; an object has a `label` and a `polygon`. They are drawn as
cityscapesscripts does (`preparation/json2labelImg.py`): a later one over an earlier one, none that is `deleted` or a
license plate, and a label such as `cargroup` as its `car`. Where `x_gtFine_labelIds.png` is there too it is taken
instead, as it is what the benchmark scores; `x_gtFine_labelTrainIds.png` only where there is nothing else, for train
ids are everybody's to choose.

The classes are the 19 that the benchmark trains on, in the order of their train ids; what is of any other label of
Cityscapes is not labelled, nor is what is of no label, unless the rules say that it is background. The labels are
those of cityscapesscripts (`helpers/labels.py`, MIT licence).
"""

import posixpath
import re
from collections import Counter
from functools import partial
from typing import Any

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.data.importers.export import Annotated, Draw, Drawn, Export, split_of
from segkit.data.importers.masks import draw_mask
from segkit.data.importers.outlines import NO_AREA, pillow_polygon, points_of
from segkit.data.importers.painting import Layer, Painting, Patch
from segkit.data.importers.pairing import is_shown
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source
from segkit.data.importers.tables import Mark
from segkit.data.text import read_json

LABELS = (
    *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground", "road"),
    *("sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail", "bridge", "tunnel", "pole"),
    *("polegroup", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck"),
    *("bus", "caravan", "trailer", "train", "motorcycle", "bicycle"),
)
"""All labels, in the order of their ids, which `labelIds` hold."""
TRAINED = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
"""The labels that are trained on, in the order of their train ids, which `labelTrainIds` hold, and their colours."""
NOT_DRAWN = "license plate"

_NAME = re.compile(r"(.+)_((?:gtFine|gtCoarse)_(?:polygons\.json|labelIds\.png|labelTrainIds\.png))")
_KINDS = tuple(
    f"{fine}_{kind}"
    for fine in ("gtFine", "gtCoarse")
    for kind in ("labelIds.png", "polygons.json", "labelTrainIds.png")
)
"""Of which an earlier one is taken where a picture has several."""


def annotated_in(name: str) -> tuple[str, int] | None:
    """What an annotation is of and its place in `_KINDS`, by the name of its file; None for other files."""
    found = _NAME.fullmatch(posixpath.basename(name))
    return None if found is None else (found[1], _KINDS.index(found[2]))


def read(source: Source, rules: Rules) -> Export:
    """The annotated pictures. Raises DataError where no file is called as Cityscapes' annotations are."""
    best: dict[str, tuple[int, str]] = {}
    for name in source.named(".json", ".png"):
        if (found := annotated_in(name)) is not None:
            stem, rank = found
            best[stem] = min(best.get(stem, (rank, name)), (rank, name))
    if not best:
        raise DataError(f"{source.path} has no x_gtFine_polygons.json or x_gtFine_labelIds.png: unpack gtFine there")
    export = Export()
    export.number_values(TRAINED, rules, has_layers=any(name.endswith(".json") for _, name in best.values()))
    export.colours = {export.numbers[name]: colour for name, colour in TRAINED.items()}
    export.numbers = dict.fromkeys(LABELS, IGNORE) | export.numbers
    if rules.unlabelled == "background":
        export.numbers["unlabeled"] = 0
    kinds = Counter(_KINDS[rank] for rank, _ in best.values())
    told = ", ".join(f"{count} pictures by {kind}" for kind, count in sorted(kinds.items()))
    export.say(f"classes by Cityscapes' own table ({told}): what it does not train on is not labelled (255)")
    used = set()
    pictures = _by_stem(source)
    for stem, (_, name) in sorted(best.items()):
        with export.one_picture(name):
            key = _picture(source, pictures, stem)
            used.add(key)
            export.pictures.append(_annotated(source, stem, key, name, export, rules))
    for key in sorted(source.pictures.keys() - used):
        if source.elsewhere or not (annotated_in(key) or is_shown(key)):
            export.skip(key, "it has no annotation called as Cityscapes' are (x_gtFine_polygons.json)")
    return export


def _by_stem(source: Source) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in source.pictures:
        found.setdefault(posixpath.splitext(posixpath.basename(key))[0], []).append(key)
    return found


def _picture(source: Source, pictures: dict[str, list[str]], stem: str) -> str:
    """The picture of an annotation: Cityscapes' own name, or the plain one, with any ending."""
    keys = [*pictures.get(stem, ()), *pictures.get(f"{stem}_leftImg8bit", ())]
    return keys[0] if len(keys) == 1 else source.picture(f"{stem}_leftImg8bit.png")


def _annotated(source: Source, stem: str, key: str, name: str, export: Export, rules: Rules) -> Annotated:
    size = None
    draw: Draw
    if name.endswith(".json"):
        content = read_json(source.files[name])
        size = int(content["imgHeight"]), int(content["imgWidth"])
        layers = _layers(content["objects"], name, export)
        draw = Painting(layers, export.numbers, rules.order or "file", export.numbers["unlabeled"])
    else:
        marks = TRAINED if name.endswith("labelTrainIds.png") else LABELS
        meaning: dict[Mark, int] = {value: export.numbers[label] for value, label in enumerate(marks)}
        draw = partial(draw_mask, source.files[name], meaning, rules.other)
    split = split_of(name) or split_of(key)
    return Annotated(stem, source.pictures[key], partial(_trained, draw, export.numbers["road"]), size, split)


def _layers(objects: Any, file: str, export: Export) -> list[Layer]:
    layers: list[Layer] = []
    for item in objects:
        label = item["label"]
        if label not in LABELS and label.endswith("group"):
            label = label.removesuffix("group")
        if item.get("deleted"):
            export.note(file, "an object that was deleted in the tool")
        elif label == NOT_DRAWN:
            export.note(file, f"a {NOT_DRAWN}, which Cityscapes does not draw")
        elif len(item["polygon"]) < 3:
            export.note(file, NO_AREA)
        elif label not in LABELS:
            export.note(file, f"an object of a label that Cityscapes does not have ({label}): it is not labelled (255)")
            layers.append(Layer("static", partial(_patch, item["polygon"])))
        else:
            layers.append(Layer(label, partial(_patch, item["polygon"])))
    return layers


def _patch(polygon: Any, height: int, width: int) -> Patch:
    return pillow_polygon(points_of(polygon, height=height, width=width), height, width)


def _trained(draw: Draw, first: int, height: int, width: int) -> Drawn:
    """What is drawn of a picture. Raises DataError where nothing of it is trained on, that is, from `first` on."""
    drawn = draw(height, width)
    if not ((drawn.label >= first) & (drawn.label != IGNORE)).any():
        raise DataError(
            "nothing in it is of Cityscapes' 19 classes, as in its test set, whose labels are kept back; masks of "
            "other labels are read with --format masks and --classes"
        )
    return drawn
