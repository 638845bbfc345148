"""Predictions as files: label maps and overlays for pictures on disk, comparisons for a data set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.pictures import pictures_below, read_picture, save_label, save_picture, told_others
from segkit.data.dataset import Dataset
from segkit.evaluation.inference import Segmenter, predict_label
from segkit.evaluation.scoring import score
from segkit.report.overlay import comparison, overlay


@dataclass(frozen=True)
class Predicted:
    """What became of one picture: the files written, or the `error` that it was left out for."""

    picture: Path
    label: Path | None = None
    overlay: Path | None = None
    error: str | None = None


class Found(NamedTuple):
    """Pictures with the names of their results, which may have folders in them, and files that are no pictures."""

    pictures: dict[Path, str]
    others: list[Path]


def find_pictures(paths: Sequence[str]) -> Found:
    """The pictures that files, folders (with all below them) and globs name, in order and each once.

    A result is called as its picture, without ending, below the folder that was given or the part of a pattern that has
    no wildcard. Raises DataError for a path that is not there and when nothing is found.
    """
    found = Found({}, [])
    for text in paths:
        path = Path(text)
        others: list[Path] = []
        if path.is_dir():
            top = path
            matches, others = pictures_below(path)
        elif path.is_file():
            top, matches = path.parent, [path]
        else:
            top = Path(*takewhile(lambda part: not has_magic(part), path.parts))
            matches = [Path(match) for match in sorted(glob(text, recursive=True)) if Path(match).is_file()]
        if not matches:
            raise DataError(
                f"{text}: there is no such picture, nor a folder or pattern with pictures"
                + (f" ({told_others(others)})" if others else "")
            )
        for match in matches:
            found.pictures.setdefault(match, match.relative_to(top).with_suffix("").as_posix())
        found.others.extend(others)
    return found


def predict_files(
    model: Segmenter,
    pictures: Mapping[Path, str],
    out: Path,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
) -> Iterator[Predicted]:
    """Write a label map (indexed PNG with palette) and an overlay with legend for each picture, one at a time.

    `pictures` have the names of their results, as `find_pictures` gives them: `out` receives `labels/NAME.png` and
    `overlays/NAME.jpg`. Pictures of one name are kept apart by a number. A picture that cannot be read is reported in
    its `Predicted` and the others go on; OutputError where `out` cannot be written.
    """
    taken: set[str] = set()
    for path, wanted in pictures.items():
        try:
            picture = read_picture(path)
        except DataError as error:
            yield Predicted(path, error=str(error))
            continue
        name = _free_name(wanted, taken)
        label = predict_label(model, picture, scales=scales, flip=flip, window=window)
        files = out / "labels" / f"{name}.png", out / "overlays" / f"{name}.jpg"
        save_label(files[0], label, model.palette)
        save_picture(files[1], overlay(picture, label, palette=model.palette, classes=model.classes))
        yield Predicted(path, *files)


def _free_name(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    taken.add(name)
    return name


def write_comparisons(model: Segmenter, dataset: Dataset, out: Path, *, count: int = 8) -> list[Path]:
    """Write picture, truth, prediction and error side by side for `count` pictures spread over a data set."""
    written = []
    spread = np.unique(np.linspace(0, len(dataset) - 1, count).round().astype(int)).tolist()
    for _, sample, prediction in score(model, dataset, spread):
        path = out / f"{sample.name}.jpg"
        parts = sample.image, sample.label, prediction
        save_picture(path, comparison(*parts, palette=model.palette, classes=model.classes))
        written.append(path)
    return written
