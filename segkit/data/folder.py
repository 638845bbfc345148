"""A user's own data: a folder of pictures and a folder of label PNGs with the same names."""

import builtins
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from segkit.base.errors import ConfigError
from segkit.base.labels import IGNORE, Palette, voc_palette
from segkit.base.pictures import PICTURE_SUFFIXES, Stretch
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles, files_by_stem

LABEL_SUFFIXES = frozenset({".png"})


class FolderDataset(PairedFiles):
    """Pictures and labels that lie in two folders, paired by name without ending, in the order of the names.

    `images`, `labels` and `list` are paths, absolute or relative to `root`, in which "{split}" stands for the split.
    With a `list` (names one a line, with or without ending) the pictures are those it names, in its order; every one
    has to be there. Without it they are all pictures that have a label; `without_label` and `without_picture` tell the
    others. If both folders are one, its PNGs are labels and all else pictures.

    What a label PNG holds becomes a class in this order: an RGB colour map is decoded by `colours` (see `read_label`),
    then values that `mapping` names become what it says, then of the others those in `ignore` become IGNORE. 255 that
    `mapping` does not name is always IGNORE. So {255: 1} turns a mask of 0 and 255 into two classes, though 255 is also
    the default of `ignore`. `colours`, one a class, is the palette too; without it the palette is VOC's.

    `stretch` tells which values of pictures of 16 bits become 0 and 255.

    Raises ConfigError if these contradict each other, DataError if folders, files or partners are missing. Where a list
    of `findings` is given, names that lack a file or occur twice are told there and left out, and the rest is read.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        split: str,
        classes: Sequence[str],
        images: str = "images/{split}",
        labels: str = "labels/{split}",
        list: str | None = None,
        colours: Sequence[Sequence[int]] | None = None,
        ignore: int | Sequence[int] = IGNORE,
        mapping: Mapping[int, int] | None = None,
        stretch: Stretch | None = None,
        findings: "builtins.list[Finding] | None" = None,
    ) -> None:
        if not re.fullmatch(r"\w[\w.-]*", split):
            raise ConfigError(f"the split {split!r} is no plain name: use letters, digits, '_', '-' and '.' only")
        if not 1 <= len(classes) <= IGNORE:
            raise ConfigError(f"there are {len(classes)} classes: give the names of 1 to {IGNORE}")
        palette = voc_palette(len(classes)) if colours is None else _palette(colours, len(classes))
        image_folder, label_folder = _resolve(root, images, split), _resolve(root, labels, split)
        endings = PICTURE_SUFFIXES - (LABEL_SUFFIXES if image_folder == label_folder else set())
        unlabelled = f"; pictures without labels can be predicted: segkit predict WEIGHTS {image_folder} --out FOLDER"
        super().__init__(
            files_by_stem(image_folder, endings, "images", findings=findings),
            files_by_stem(label_folder, LABEL_SUFFIXES, "labels", instead=unlabelled, findings=findings),
            source=None if list is None else _resolve(root, list, split),
            classes=classes,
            palette=palette,
            colours=None if colours is None else palette,
            values=_class_of_value(len(classes), ignore, mapping or {}),
            stretch=stretch,
            findings=findings,
        )


def _resolve(root: str | Path, path: str, split: str) -> Path:
    return Path(root) / path.replace("{split}", split)


def _palette(colours: Sequence[Sequence[int]], count: int) -> Palette:
    if len(colours) != count:
        raise ConfigError(f"there are {len(colours)} `colours` for {count} classes: give one for each class")
    if any(len(colour) != 3 or not all(0 <= part <= 255 for part in colour) for colour in colours):
        raise ConfigError("a colour in `colours` is not three numbers (red, green, blue) of 0 to 255: correct it")
    palette = tuple((colour[0], colour[1], colour[2]) for colour in colours)
    if len(set(palette)) < count:
        twice = next(colour for colour in palette if palette.count(colour) > 1)
        raise ConfigError(f"two classes have the colour {twice}: give each class in `colours` its own")
    return palette


def _class_of_value(count: int, ignore: int | Sequence[int], mapping: Mapping[int, int]) -> np.ndarray:
    """The table behind `FolderDataset`: uint8 (256,), the class or IGNORE of each stored value."""
    ignored = [ignore] if isinstance(ignore, int) else ignore
    for value in (*ignored, *mapping):
        if not 0 <= value <= 255:
            raise ConfigError(f"labels hold values of 0 to 255, not {value}: correct `ignore` or `mapping`")
    for value, label in mapping.items():
        if label != IGNORE and not 0 <= label < count:
            raise ConfigError(
                f"`mapping` sends {value} to {label}, but the classes are 0 to {count - 1}: "
                f"choose one of them, or {IGNORE} to leave these pixels out"
            )
    values = np.arange(256, dtype=np.uint8)
    for value in ignored:
        values[value] = IGNORE
    for value, label in mapping.items():
        values[value] = label
    return values
