"""A data set made small, to travel: pictures and label maps scaled down, and written as the same kind of set."""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from segkit.base.cores import available_cores
from segkit.base.errors import DataError
from segkit.base.label_files import read_stored_label, save_label
from segkit.base.pictures import save_picture
from segkit.data.pairs import PairedFiles, write_names
from segkit.data.voc import label_folder, list_file

Made = Literal["made smaller", "encoded again", "as they were"]
Places = tuple[Path, Path, Path]
"""Of a split: the folder of its pictures, that of its label maps, and its list."""


@dataclass(frozen=True)
class Scale:
    """The longest side of a picture, in pixels, and the quality of the JPEGs, 1 to 95."""

    side: int
    quality: int


@dataclass
class Shrunk:
    """What was done: how many pictures, and the bytes of all files before and after."""

    pictures: Counter[Made] = field(default_factory=Counter)
    bytes_before: int = 0
    bytes_after: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        sizes = {"bytes_before": self.bytes_before, "bytes_after": self.bytes_after}
        return {"pictures": dict(self.pictures), **sizes}


def voc_places(folder: Path, split: str) -> Places:
    """Where a split lies in a folder VOC2012."""
    return folder / "JPEGImages", label_folder(folder, split), list_file(folder, split)


def folder_places(folder: Path, split: str) -> Places:
    """Where a split lies in a folder data set that `shrink` has written."""
    return folder / "images" / split, folder / "labels" / split, folder / f"{split}.txt"


def shrink(
    splits: Mapping[str, tuple[PairedFiles, Scale | None]],
    places: Callable[[str], Places],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Shrunk:
    """Write the pictures, label maps and list of each split where `places` says.

    A picture larger than the scale is reduced by pixel area, its label map by the exact nearest pixel, as in a
    training; the values that a label file holds stay. Pictures become JPEGs, but for JPEGs that are small enough, which
    are copied, as all of a split without a scale is. `progress(done, total)` is called after each. Raises DataError for
    a pair that is broken or does not fit, and for a picture of two splits of one folder, only one of them scaled;
    OutputError where it cannot be written.
    """
    _check_apart(splits, places)
    found = Shrunk()
    done, total = 0, sum(len(set(pairs.ids)) for pairs, _ in splits.values())
    with ThreadPoolExecutor(available_cores()) as pool:
        for split, (pairs, scale) in splits.items():
            pictures, labels, names = places(split)
            for folder in (pictures, labels):
                folder.mkdir(parents=True, exist_ok=True)
            write_names(names, pairs.ids)
            first = {name: index for index, name in reversed(list(enumerate(pairs.ids)))}  # a list may name one twice
            work = [(pairs, index, pictures, labels / f"{name}.png", scale) for name, index in first.items()]
            for made, before, after in pool.map(lambda arguments: _write_pair(*arguments), work):
                done += 1
                found.pictures[made] += 1
                found.bytes_before += before
                found.bytes_after += after
                progress(done, total)
    return found


def _write_pair(
    pairs: PairedFiles, index: int, pictures: Path, label: Path, scale: Scale | None
) -> tuple[Made, int, int]:
    """One picture with its label map: what was done, and the bytes of both before and after."""
    sample = pairs[index]
    source, old_label = pairs.pictures[index], pairs.labels[index]
    longest, jpeg = max(sample.label.shape), source.suffix.lower() in (".jpg", ".jpeg")
    made: Made
    if scale is None or (longest <= scale.side and jpeg):
        made, picture = "as they were", pictures / source.name
        shutil.copyfile(source, picture)
        shutil.copyfile(old_label, label)
    else:
        made, picture = "made smaller" if longest > scale.side else "encoded again", pictures / f"{sample.name}.jpg"
        height, width = (max(1, round(side * min(1.0, scale.side / longest))) for side in sample.label.shape)
        save_picture(
            picture, cv2.resize(sample.image, (width, height), interpolation=cv2.INTER_AREA), quality=scale.quality
        )
        stored = read_stored_label(old_label)
        # NEAREST_EXACT, as TrainingTransform: plain NEAREST moves a label by up to half a pixel.
        _save_stored(label, cv2.resize(stored, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), pairs)
    before, after = (sum(path.stat().st_size for path in both) for both in ((source, old_label), (picture, label)))
    return made, before, after


def _save_stored(path: Path, values: np.ndarray, pairs: PairedFiles) -> None:
    if values.ndim == 3:
        save_picture(path, values)
    else:
        save_label(path, values, pairs.palette)


def _check_apart(splits: Mapping[str, tuple[PairedFiles, Scale | None]], places: Callable[[str], Places]) -> None:
    taken: dict[Path, tuple[str, Scale | None]] = {}
    for split, (pairs, scale) in splits.items():
        for name in dict.fromkeys(pairs.ids):
            other, its_scale = taken.setdefault(places(split)[0] / name, (split, scale))
            if its_scale != scale:
                raise DataError(f"{name} is in {other} and in {split}: shrink both, or copy both as they are")
