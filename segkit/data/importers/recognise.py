"""What form an export has, by what lies in it, and what tells."""

import posixpath
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from segkit.base.errors import DataError
from segkit.data.importers.cityscapes import annotated_in
from segkit.data.importers.coco import is_coco, is_panoptic
from segkit.data.importers.cvat import MAP
from segkit.data.importers.isat import is_isat
from segkit.data.importers.masks import table_in
from segkit.data.importers.pairing import is_mask
from segkit.data.importers.roboflow import TABLE
from segkit.data.importers.source import Source, may_be_mask
from segkit.data.importers.via import pictures_in
from segkit.data.importers.yolo import NAME_FILES
from segkit.data.text import read_json, read_text

Contents = dict[str, Any]
"""What JSON files hold, by their names."""
_LOOKED_AT = 20
"""Files of a kind that are opened."""


def recognise(source: Source) -> dict[str, str]:
    """The forms that an export may be of, each with what tells it: several where it fits several."""
    contents = _contents(source)
    found: dict[str, str] = {}
    for form, tells in _TELLS.items():
        if (what := tells(source, contents)) is not None:
            found[form] = what
    if {"roboflow", "cvat", "supervisely"} & found.keys():  # which have masks or lists of names of their own
        found.pop("masks", None)
        found.pop("yolo", None)
    return found


def not_read(source: Source) -> str | None:
    """What an export is that no reader takes, and what to export instead; None where that is not known either."""
    if name := next((name for name in source.files if _ADE20K.fullmatch(posixpath.basename(name))), None):
        return (
            f"{name} is ADE20K's full form, of over 3,000 classes, more than a label holds: get its scene parsing "
            "set (ADEChallengeData2016), and import that with --format masks"
        )
    contents = _contents(source)
    for tool, (keys, instead) in _NOT_READ.items():
        if name := _first(contents, partial(_has, keys)):
            return f"{name} is {tool}'s: {instead}"
    return None


def _has(keys: frozenset[str], content: Any) -> bool:
    first = content[0] if isinstance(content, list) and content else content
    return isinstance(first, dict) and keys <= first.keys()


def _named(source: Source, *lasts: str) -> str | None:
    return next((name for name in source.files if posixpath.basename(name) in lasts), None)


def _contents(source: Source) -> Contents:
    """The JSON files that are looked at, each read once, by their names; those that cannot be read left out."""
    found = {}
    for name, path in [*source.named(".json").items()][:_LOOKED_AT]:
        with suppress(DataError):
            found[name] = read_json(path)
    return found


def _text(path: Path) -> str:
    """The text of a file, nothing where it cannot be read."""
    with suppress(DataError):
        return read_text(path)
    return ""


def _first(contents: Contents, is_its: Callable[[Any], bool]) -> str | None:
    """The first file whose content is such."""
    return next((name for name, content in contents.items() if is_its(content)), None)


def _cityscapes(source: Source, _: Contents) -> str | None:
    return next((name for name in source.files if annotated_in(name)), None)


def _coco(_: Source, contents: Contents) -> str | None:
    return _first(contents, lambda content: is_coco(content) and not is_panoptic(content))


def _coco_panoptic(_: Source, contents: Contents) -> str | None:
    return _first(contents, lambda content: is_coco(content) and is_panoptic(content))


def _isat(_: Source, contents: Contents) -> str | None:
    return _first(contents, is_isat)


def _labelme(_: Source, contents: Contents) -> str | None:
    return _first(contents, lambda content: isinstance(content, dict) and {"shapes", "imagePath"} <= content.keys())


def _label_studio(_: Source, contents: Contents) -> str | None:
    def is_its(content: Any) -> bool:
        tasks = content if isinstance(content, list) else []
        return any(
            isinstance(task, dict) and "id" in task and {"data", "annotations"} & task.keys() for task in tasks[:9]
        )

    return _first(contents, is_its)


def _via(_: Source, contents: Contents) -> str | None:
    return _first(contents, lambda content: pictures_in(content) is not None)


def _supervisely(source: Source, _: Contents) -> str | None:
    name = _named(source, "meta.json")
    return name if any(posixpath.basename(posixpath.dirname(file)) == "ann" for file in source.files) else None


def _cvat(source: Source, _: Contents) -> str | None:
    if name := _named(source, MAP):
        return name
    for name, path in [*source.named(".xml").items()][:_LOOKED_AT]:
        if re.match(r"\s*(<\?xml[^>]*\?>)?\s*<annotations[\s>]", _text(path)[:1000]):
            return name
    return None


def _yolo(source: Source, _: Contents) -> str | None:
    labels = {posixpath.splitext(posixpath.basename(name))[0] for name in source.named(".txt")}
    if not any(posixpath.splitext(posixpath.basename(name))[0] in labels for name in source.pictures):
        return None
    listed = [name for name, path in source.named(".yaml", ".yml").items() if "names" in _text(path)]
    return _named(source, *NAME_FILES) or next(iter(listed), None)


def _roboflow(source: Source, _: Contents) -> str | None:
    return _named(source, TABLE)


def _masks(source: Source, _: Contents) -> str | None:
    if source.table is None and table_in(source) is None:
        return None
    return next((name for name in source.files if may_be_mask(name) and is_mask(name)), None)


_ADE20K = re.compile(r"ADE_\w+_seg\.png")
_NOT_READ = {
    "Labelbox": (frozenset({"data_row", "projects"}), "export masks, and import them with --format masks"),
    "V7": (frozenset({"item", "annotations"}), 'export as "COCO"'),
    "V7 (version 1)": (frozenset({"dataset", "image", "annotations"}), 'export as "COCO"'),
    "Datumaro": (frozenset({"categories", "items"}), "convert it with `datum convert -f coco_instances`"),
}
"""Tools, the keys that their JSON has, and the way out."""
_TELLS: dict[str, Callable[[Source, Contents], str | None]] = {
    "cityscapes": _cityscapes,
    "coco": _coco,
    "coco-panoptic": _coco_panoptic,
    "cvat": _cvat,
    "isat": _isat,
    "label-studio": _label_studio,
    "labelme": _labelme,
    "masks": _masks,
    "roboflow": _roboflow,
    "supervisely": _supervisely,
    "via": _via,
    "yolo": _yolo,
}
"""The file that tells a form; None where there is none."""
