"""Data sets of files: a picture and a label PNG for each name. VOC and folders differ only in how they find them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np

from segkit.base.errors import DataError
from segkit.base.files import write_atomically
from segkit.base.label_files import read_label
from segkit.base.labels import IGNORE, Palette
from segkit.base.pictures import PICTURE_SUFFIXES, Stretch, exif_orientation, read_picture
from segkit.data.dataset import Dataset, Sample
from segkit.data.finding import Finding
from segkit.data.text import read_lines

_TWICE = "name twice in a list"


class PairedFiles:
    """A data set of picture and label files, read when asked for.

    `pictures` and `labels` are files by name, as `files_by_stem` gives them. With a list file `source` the pairs are
    those that it names, in its order; every one has to be there. Without it they are all names that have both files;
    `without_label` and `without_picture` tell the others. `values`, uint8 (256,), gives the class of each value that a
    label file may hold (default: the value itself). `colours` decodes RGB colour maps, `stretch` is for `read_picture`.

    Raises DataError where files are missing. Where a list of `findings` is given, names that lack a file or occur twice
    are told there and left out.
    """

    def __init__(
        self,
        pictures: Mapping[str, Path],
        labels: Mapping[str, Path],
        *,
        source: Path | None,
        classes: Sequence[str],
        palette: Palette,
        colours: Palette | None = None,
        values: np.ndarray | None = None,
        stretch: Stretch | None = None,
        findings: list[Finding] | None = None,
    ) -> None:
        self.without_label: tuple[Path, ...] = ()
        self.without_picture: tuple[Path, ...] = ()
        if source is None:
            ids = _shared_names(pictures, labels)
            self.without_label = tuple(path for name, path in pictures.items() if name not in labels)
            self.without_picture = tuple(path for name, path in labels.items() if name not in pictures)
        else:
            ids = listed_names(source, {"picture": pictures, "label": labels}, findings=findings)
        self.classes = tuple(classes)
        self.palette = palette
        self.ids: Sequence[str] = tuple(ids)
        self.pictures = tuple(pictures[name] for name in ids)
        self.labels = tuple(labels[name] for name in ids)
        self.colours = colours
        self.stretch = stretch
        self._values = np.arange(256, dtype=np.uint8) if values is None else values

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        """The pair at `index`; DataError if a file is broken, a label is no class or the sizes differ."""
        image, label = self.picture(index), self.label(index)
        self.check_sizes(index, image.shape[:2], label.shape)
        return Sample(image, label, self.ids[index])

    def picture(self, index: int) -> np.ndarray:
        """The picture at `index` alone: uint8 (H, W, 3) RGB, or DataError."""
        return read_picture(self.pictures[index], stretch=self.stretch)

    def label(self, index: int) -> np.ndarray:
        """The label map at `index` alone: uint8 (H, W), each value a class or IGNORE, or DataError."""
        path = self.labels[index]
        raw = read_label(path, colours=self.colours)
        label: np.ndarray = self._values[raw]
        wrong = (label >= len(self.classes)) & (label != IGNORE)
        if wrong.any():
            raise DataError(self._wrong_values(path, np.unique(raw), np.unique(raw[wrong])))
        return label

    def check_sizes(self, index: int, picture_size: tuple[int, ...], label_size: tuple[int, ...]) -> None:
        """Raise DataError if the picture and the label map at `index`, (H, W) each, differ, with EXIF if it is why."""
        if picture_size == label_size:
            return
        (height, width), (label_height, label_width) = picture_size, label_size
        picture, path = self.pictures[index], self.labels[index]
        sizes = f"{path} is {label_width}x{label_height} pixels, but its picture {picture} is {width}x{height}"
        if (height, width) == (label_width, label_height) and exif_orientation(picture) > 4:
            raise DataError(
                f"{sizes} once turned as its EXIF orientation says: turn the label the same way, "
                "or remove the orientation from the picture"
            )
        raise DataError(f"{sizes}: make the label for this picture at its full size")

    def _wrong_values(self, path: Path, present: np.ndarray, wrong: np.ndarray) -> str:
        count = len(self.classes)
        listed = ", ".join(map(str, wrong[:5].tolist())) + (", ..." if len(wrong) > 5 else "")
        held = f"{path} holds the label value{'s' if len(wrong) > 1 else ''} {listed}"
        if set(present.tolist()) <= {0, 128, 255}:
            return (
                f"{held} and is a mask saved to be looked at, not of class numbers: say what each grey stands for in "
                "`mapping`, such as {255: 1} or {128: 1, 255: 2}"
            )
        return (
            f"{held}, but there {'is 1 class' if count == 1 else f'are {count} classes'} (0 to {count - 1}): "
            "say which class it is in `mapping`, or list it in `ignore`"
        )


def stretch_of(dataset: Dataset) -> Stretch | None:
    """How the pictures of 16 bits of a data set are read."""
    return dataset.stretch if isinstance(dataset, PairedFiles) else None


def files_by_stem(
    folder: Path, suffixes: Iterable[str], setting: str, *, instead: str = "", findings: list[Finding] | None = None
) -> dict[str, Path]:
    """The files of a folder with these endings (lower case, any case matches), by name without ending, sorted.

    Hidden files are left out. Raises DataError, naming the `setting` to correct and what else to do `instead`, if the
    folder is not there, holds no such file, or holds two of one name; the last is told in `findings` instead, where
    there are some, and the first taken.
    """
    endings = frozenset(suffixes)
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in endings and path.name[0] != ".")
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read as a folder ({error.strerror}): correct `{setting}`{instead}"
        ) from None
    found: dict[str, Path] = {}
    for path in paths:
        if found.setdefault(path.stem, path) != path:
            told = f"{found[path.stem]} and {path.name} have one name: rename one or take it out"
            if findings is None:
                raise DataError(told)
            findings.append(Finding("error", str(path), told, "two of one name"))
    if not found:
        kinds = " or ".join(sorted(endings))
        others = Counter(path.suffix.lower() for path in folder.iterdir() if path.suffix and path.name[0] != ".")
        there = f", but {others.most_common(1)[0][1]} of {others.most_common(1)[0][0]}" if others else ""
        raise DataError(f"{folder} holds no {kinds} file{there}: put the files there or correct `{setting}`{instead}")
    return dict(sorted(found.items()))


def read_names(path: Path) -> list[str]:
    """The names in a list file, one a line, blank lines left out; DataError if it is missing, empty or no text."""
    names = read_lines(path)
    if not names:
        raise DataError(f"{path} names no pictures: write one name a line into it")
    return names


def write_names(path: Path, names: Iterable[str]) -> None:
    """Write a list file that `read_names` reads.

    Raises DataError for a name that is no text of one line, OutputError where the file cannot be written.
    """
    names = list(names)
    for name in names:
        if [name.strip()] != name.splitlines() or name != name.encode(errors="ignore").decode():
            raise DataError(f"the name {name!r} cannot stand in a list, as a line of text: rename the file")
    write_atomically(path, "".join(f"{name}\n" for name in names))


def listed_names(
    source: Path, files: Mapping[str, Mapping[str, Path]], *, findings: list[Finding] | None = None
) -> list[str]:
    """The names in a list file, without the ending of a picture.

    Each has to have a file of each kind in `files` ("picture", "label"); DataError says how many have not. Where there
    are `findings`, these names and those that occur twice are told there, and the others returned once.
    """
    names = [_without_suffix(name) for name in read_names(source)]
    wrong = [
        Finding("warning", str(source), f"{source} names {name!r} {count} times: leave it there once", _TWICE)
        for name, count in Counter(names).items()
        if count > 1
    ]
    for what, found in files.items():
        absent = [name for name in names if name not in found]
        folder = next(iter(found.values())).parent
        if absent and findings is None:
            raise DataError(
                f"{source} names {len(absent)} of {len(names)} {what}s that are not in {folder}, the first is "
                f"{absent[0]!r}: add the files or take the names out of the list"
            )
        for name in dict.fromkeys(absent):
            told = f"{source} names {name!r}, which has no {what} in {folder}: add it or take the name out"
            wrong.append(Finding("error", name, told, f"no {what}"))
    if findings is None:
        return names
    findings += wrong
    return [name for name in dict.fromkeys(names) if all(name in found for found in files.values())]


def _without_suffix(name: str) -> str:
    path = PurePath(name)
    return path.stem if path.suffix.lower() in PICTURE_SUFFIXES else name


def _shared_names(pictures: Mapping[str, Path], labels: Mapping[str, Path]) -> list[str]:
    names = [name for name in pictures if name in labels]
    if not names:
        picture, label = next(iter(pictures.values())), next(iter(labels.values()))
        raise DataError(
            f"none of the {len(pictures)} pictures in {picture.parent} has a label in {label.parent}: give both the "
            f"same name up to the ending (there are {picture.name} and {label.name})"
        )
    return names
