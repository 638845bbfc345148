"""What every reader gives: pictures with what draws their label maps, the classes, and what was left out and why."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE

Draw = Callable[[int, int], np.ndarray]
"""(height, width) of the annotated picture -> its label map, uint8. Raises DataError where the annotation is wrong."""

Colour = tuple[int, int, int]
"""RGB, 0..255 each."""

BACKGROUND = "background"
SPLITS = ("train", "val", "test")

BACKGROUND_NAMES = frozenset({"background", "_background_", "__background__"})
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


class Annotated(NamedTuple):
    """One picture of an export.

    `name` may hold folders ("city/0001") and has no ending. `size`, (height, width), is that of the picture that was
    annotated, where the export says it; it tells whether that was the picture as stored or as EXIF turns it.
    """

    name: str
    picture: Path
    draw: Draw
    size: tuple[int, int] | None = None
    split: str | None = None


class Skipped(NamedTuple):
    """A file, or a part of one, that was left out, and why."""

    file: str
    reason: str


@dataclass
class Export:
    """What a reader found. `skipped` are whole pictures, `notes` parts left out of pictures that are imported.

    `numbers` are of all names of classes, of which several may be one class. `colours` are of the classes by their
    numbers, as far as the export tells them.
    """

    classes: tuple[str, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    colours: dict[int, Colour] = field(default_factory=dict)
    pictures: list[Annotated] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[Skipped] = field(default_factory=list)

    def number_classes(self, names: Iterable[str], *, background: bool | None = None) -> None:
        """Give the classes numbers in the order of their names. Equal names are one class.

        With `background` class 0 is "background", also for names such as "_background_"; None: only if a name is
        "background". Raises DataError for a name that is no text or empty, and for more classes than labels can hold.
        """
        names = list(names)
        if background is None:
            background = any(name.lower() == BACKGROUND for name in names)
        classes = {BACKGROUND: 0} if background else {}
        for name in names:
            if not isinstance(name, str) or not name.strip():
                raise DataError(f"a class is called {name!r}: give every class a name")
            known = BACKGROUND if background and name.strip().lower() in BACKGROUND_NAMES else " ".join(name.split())
            self.numbers[name] = classes.setdefault(known, len(classes))
        if len(classes) > IGNORE:
            raise DataError(f"there are {len(classes)} classes, but a label holds at most {IGNORE}: merge some of them")
        self.classes = tuple(classes)

    def skip(self, file: str, reason: str) -> None:
        """Say that a picture is left out."""
        self.skipped.append(Skipped(file, reason))

    def note(self, file: str, reason: str) -> None:
        """Say that a part of a picture is left out."""
        self.notes.append(Skipped(file, reason))

    @contextmanager
    def one_picture(self, file: str) -> Iterator[None]:
        """Skip the picture that the body reads if it cannot be read: DataError, or anything else than expected."""
        try:
            with expected_form():
                yield
        except DataError as error:
            self.skip(file, str(error).removeprefix(f"{file} "))


def split_of(path: str) -> str | None:
    """ "train", "val" or "test" where a folder of the path is called so ("valid", "validation" and "training" too)."""
    return next((split for part in PurePosixPath(path).parts[:-1] if (split := split_named(part))), None)


def split_named(name: str) -> str | None:
    """The split that a list or a folder of this name stands for, if any."""
    return _SPLIT_NAMES.get(name.lower())


def plain_name(path: str, *, without: str = "") -> str:
    """A path less the folders that only name a split, and those called as `without`."""
    *folders, last = path.split("/")
    return "/".join([*(part for part in folders if part not in ("", without) and not split_named(part)), last])


@contextmanager
def expected_form(what: str = "it") -> Iterator[None]:
    """Turn what plain Python raises over unexpected JSON, such as a list for a number, into a DataError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        told = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{what} is not as its tool writes it ({told}): export it again") from None
