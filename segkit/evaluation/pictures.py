"""Predictions as files: label maps and overlays for pictures on disk, comparisons for a data set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from segkit.base.errors import ConfigError, DataError, OutputError
from segkit.base.files import make_folder
from segkit.base.jsonl import append_record, read_records
from segkit.base.label_files import save_label
from segkit.base.pictures import pictures_below, read_picture, save_picture, told_others
from segkit.data.dataset import Dataset, evenly
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


class Made:
    """The results in a folder, and of which picture each was made: predictions.jsonl, a line of JSON a picture."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.folder = folder
        self.path = folder / "predictions.jsonl"
        self.of = {str(record.get("name")): record.get("picture") for record in read_records(self.path)[0]}

    def files(self, name: str) -> tuple[Path, Path]:
        """The label map and the overlay of a name."""
        return self.folder / "labels" / f"{name}.png", self.folder / "overlays" / f"{name}.jpg"

    def check(self, planned: Mapping[Path, str]) -> None:
        """Raise OutputError where a file is there that was not made of the picture that it is planned for."""
        others = [
            (file, picture)
            for picture, name in planned.items()
            if self.of.get(name) != str(picture.resolve())
            for file in self.files(name)
            if file.exists()
        ]
        if others:
            file, picture = others[0]
            more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
            raise OutputError(
                f"{file} is there and was not made of {picture} by segkit predict{more}: choose another --out, or "
                "replace what is there with --overwrite"
            )

    def add(self, picture: Path, name: str, classes: Sequence[str]) -> None:
        """Write down what is going to be made. Raises OutputError where that cannot be written."""
        append_record(self.path, {"name": name, "picture": str(picture.resolve()), "classes": list(classes)})


def predict_files(
    model: Segmenter,
    pictures: Mapping[Path, str],
    out: Path,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
    overwrite: bool = False,
) -> Iterator[Predicted]:
    """Write a label map (indexed PNG with palette) and an overlay with legend for each picture, one at a time.

    `pictures` have the names of their results, as `find_pictures` gives them: `out` receives `labels/NAME.png` and
    `overlays/NAME.jpg`. Pictures of one name are kept apart by a number. `out`/predictions.jsonl tells what was made of
    which picture; a file that is there and was not made of the same one is replaced only with `overwrite`. A picture
    that cannot be read is reported in its `Predicted` and the others go on. Raises OutputError before anything is
    predicted where a file would be replaced, and where `out` cannot be written.
    """
    made = Made(out)
    taken: set[str] = set()
    planned = {path: _free_name(wanted, taken) for path, wanted in pictures.items()}
    if not overwrite:
        made.check(planned)
    for path, name in planned.items():
        try:
            picture = read_picture(path, stretch=model.stretch)
        except DataError as error:
            yield Predicted(path, error=str(error))
            continue
        try:
            label = predict_label(model, picture, scales=scales, flip=flip, window=window)
        except ConfigError as error:  # a file of one size, or of labels alone, cannot do all that a network can
            yield Predicted(path, error=f"{path}: {error}")
            continue
        made.add(path, name, model.classes)  # first, so that a file which is there is never unknown
        files = made.files(name)
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
    for _, sample, prediction in score(model, dataset, evenly(len(dataset), count)):
        path = out / f"{sample.name}.jpg"
        parts = sample.image, sample.label, prediction
        save_picture(path, comparison(*parts, palette=model.palette, classes=model.classes))
        written.append(path)
    return written
