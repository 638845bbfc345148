"""Pictures and mask PNGs without a tool's description: a table says what their values or colours stand for.

Masks lie in a folder called masks, labels, annotations, SegmentationClass ..., or their names end in _mask, _label,
_labels, _gt or _L (CamVid's). The picture is the one of the same name in the same folder, up to those words and
folders called images, pictures, JPEGImages ... With `--images` all PNGs of the export are masks. The classes are those
of the table, in its order, "background" first if it is among them; the name `ignore` means "not labelled".
"""

import posixpath
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from segkit.base.errors import ConfigError, DataError
from segkit.base.labels import IGNORE
from segkit.data.importers.export import Annotated, Drawn, Export, plain_name, split_of
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source, is_picture
from segkit.data.importers.tables import Mark, colours_of, decode, read_table
from segkit.data.importers.voc import listed_splits
from segkit.data.text import read_lines

MASK_FOLDERS = frozenset(
    {"masks", "mask", "labels", "label", "annotations", "annotation", "gt", "segmentationclass", "segmentation"}
    | {"segmentationclasspng"}  # labelme2voc
)
LEFT_OUT_FOLDERS = frozenset(
    {"segmentationobject", "segmentationobjectpng"}
    | {"segmentationclassvisualization", "segmentationobjectvisualization"}
)
"""Folders of masks and pictures that tell objects apart, or show the masks."""
NAMES = "class_names.txt"
IGNORED = "ignore"
MASK_ENDINGS = ("_mask", "_masks", "_label", "_labels", "_gt", "_L")
PICTURE_FOLDERS = frozenset({"images", "image", "imgs", "img", "pictures", "photos", "jpegimages"})


def read(source: Source, rules: Rules) -> Export:
    """The pictures that have a mask. Raises ConfigError without a table, DataError where there are no pairs."""
    export = Export()
    rows = _rows(source, export)
    named = [name for _, name in rows if name != IGNORED]
    export.number_values(named, rules)
    meaning = {key: IGNORE if name == IGNORED else export.numbers[name] for key, name in rows}
    export.colours = colours_of(meaning)
    masks = {_key(name): name for name in source.files if _may_be_mask(name, source)}
    pictures = {_key(name): name for name in source.pictures if source.elsewhere or _may_be_picture(name)}
    splits = listed_splits(source)
    for key, name in pictures.items():
        if key not in masks:
            export.skip(name, "it has no mask: give both the same name, and put masks into masks/")
            continue
        draw = partial(draw_mask, source.files[masks[key]], meaning, rules.other)
        split = splits.get(key) or split_of(name) or split_of(masks[key])
        export.pictures.append(Annotated(plain_name(key), source.pictures[name], draw, None, split))
    for key in masks.keys() - pictures.keys():
        export.skip(masks[key], "it has no picture: give both the same name")
    if not export.pictures:
        raise DataError(
            f"{source.path} has no picture with a mask: put pictures into images/, masks of the same names into masks/"
        )
    return export


def _rows(source: Source, export: Export) -> list[tuple[Mark, str]]:
    """What values or colours stand for: the table of the user, or the names that lie beside the masks, by number."""
    if source.table is not None:
        return read_table(source.table)
    if NAMES not in source.files:
        raise ConfigError("masks need --classes: a CSV or YAML file with a value or a colour and a name in each row")
    export.say(f"the classes are those of {NAMES}, by their lines")
    names = [name for name in read_lines(source.files[NAMES]) if name != "__ignore__"]  # of the value -1, stored as 255
    return list(enumerate(names))


def is_mask(name: str) -> bool:
    """Whether a file's folder or the end of its name says that it is a mask."""
    *folders, last = name.split("/")
    return any(part.lower() in MASK_FOLDERS for part in folders) or posixpath.splitext(last)[0].endswith(MASK_ENDINGS)


def _may_be_mask(name: str, source: Source) -> bool:
    return is_picture(name) and not _is_left_out(name) and (source.elsewhere or is_mask(name))


def _may_be_picture(name: str) -> bool:
    return not is_mask(name) and not _is_left_out(name)


def _is_left_out(name: str) -> bool:
    return any(part.lower() in LEFT_OUT_FOLDERS for part in name.split("/")[:-1])


def _key(name: str) -> str:
    *folders, last = name.split("/")
    stem = posixpath.splitext(last)[0]
    ending = next((ending for ending in MASK_ENDINGS if stem.endswith(ending)), "")
    kept = [part for part in folders if part.lower() not in MASK_FOLDERS | PICTURE_FOLDERS]
    return "/".join([*kept, stem.removesuffix(ending)])


def draw_mask(file: Path, meaning: Mapping[Mark, int], other: int | None, height: int, width: int) -> Drawn:
    """The label map in a mask file, of the mask's own size, whatever `height` and `width` are."""
    return Drawn(decode(file, meaning, other=other))
