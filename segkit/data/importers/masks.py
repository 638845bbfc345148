"""Pictures and mask PNGs without a tool's description: a table says what their values or colours stand for.

Masks lie in a folder called masks, labels, annotations, SegmentationClass ..., or their names end in _mask, _label,
_labels, _gt or _L (CamVid's). The picture is the one of the same name in the same folder, up to those words and
folders called images, pictures, JPEGImages ... With `--images` all PNGs of the export are masks. The classes are those
of the table, in its order, "background" first if it is among them; the name `ignore` means "not labelled".
"""

import posixpath
from functools import partial
from pathlib import Path

import numpy as np

from segkit.base.errors import ConfigError, DataError
from segkit.base.labels import IGNORE
from segkit.data.importers.export import Annotated, Export, plain_name, split_of
from segkit.data.importers.source import Source, is_picture
from segkit.data.importers.tables import Mark, colours_of, decode, read_table

MASK_FOLDERS = frozenset(
    {"masks", "mask", "labels", "label", "annotations", "annotation", "gt", "segmentationclass", "segmentation"}
)
MASK_ENDINGS = ("_mask", "_masks", "_label", "_labels", "_gt", "_L")
PICTURE_FOLDERS = frozenset({"images", "image", "imgs", "img", "pictures", "photos", "jpegimages"})


def read(source: Source) -> Export:
    """The pictures that have a mask. Raises ConfigError without a table, DataError where there are no pairs."""
    if source.table is None:
        raise ConfigError("masks need --classes: a CSV or YAML file with a value or a colour and a name in each row")
    rows = read_table(source.table)
    export = Export()
    export.number_classes(name for _, name in rows if name != "ignore")
    meaning = {key: IGNORE if name == "ignore" else export.numbers[name] for key, name in rows}
    export.colours = colours_of(meaning)
    masks = {_key(name): name for name in source.files if is_picture(name) and (source.elsewhere or is_mask(name))}
    pictures = {_key(name): name for name in source.pictures if source.elsewhere or not is_mask(name)}
    for key, name in pictures.items():
        if key not in masks:
            export.skip(name, "it has no mask: give both the same name, and put masks into masks/")
            continue
        draw = partial(draw_mask, source.files[masks[key]], meaning)
        split = split_of(name) or split_of(masks[key])
        export.pictures.append(Annotated(plain_name(key), source.pictures[name], draw, None, split))
    for key in masks.keys() - pictures.keys():
        export.skip(masks[key], "it has no picture: give both the same name")
    if not export.pictures:
        raise DataError(
            f"{source.path} has no picture with a mask: put pictures into images/, masks of the same names into masks/"
        )
    return export


def is_mask(name: str) -> bool:
    """Whether a file's folder or the end of its name says that it is a mask."""
    *folders, last = name.split("/")
    return any(part.lower() in MASK_FOLDERS for part in folders) or posixpath.splitext(last)[0].endswith(MASK_ENDINGS)


def _key(name: str) -> str:
    *folders, last = name.split("/")
    stem = posixpath.splitext(last)[0]
    ending = next((ending for ending in MASK_ENDINGS if stem.endswith(ending)), "")
    kept = [part for part in folders if part.lower() not in MASK_FOLDERS | PICTURE_FOLDERS]
    return "/".join([*kept, stem.removesuffix(ending)])


def draw_mask(file: Path, meaning: dict[Mark, int], height: int, width: int) -> np.ndarray:
    """The label map in a mask file, of the mask's own size, whatever `height` and `width` are."""
    return decode(file, meaning)
