"""What every reader gives: pictures with what draws their label maps, the classes, and what was left out and why."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from segkit.base.errors import ConfigError, DataError
from segkit.base.labels import IGNORE
from segkit.data.importers.rules import Rules
from segkit.data.text import read_json


class Drawn(NamedTuple):
    """A label map, uint8 (H, W), how many objects are in it, and a reason for each that is not to be seen in it."""

    label: np.ndarray
    objects: int = 0
    left_out: tuple[str, ...] = ()


Draw = Callable[[int, int], Drawn]
"""(height, width) of the annotated picture -> what is drawn of it. Raises DataError where the annotation is wrong.

It can be sent to another process.
"""

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
    annotated, where the export says it; it tells whether that was the picture as stored or as EXIF turns it. `unpack`
    gives the bytes of the picture where they are inside the file `picture`.
    """

    name: str
    picture: Path
    draw: Draw
    size: tuple[int, int] | None = None
    split: str | None = None
    unpack: Callable[[Path], bytes] | None = None


class Skipped(NamedTuple):
    """A file, or a part of one, that was left out, and why."""

    file: str
    reason: str


@dataclass
class Export:
    """What a reader found. `skipped` are whole pictures, `notes` parts left out of pictures that are imported.

    Every object, picture or region that is left out is told in one of both, by a reason that is the same for all of its
    kind, so that they can be counted. `said` are sentences on how the whole was read. `numbers` are of all names of
    classes, of which several may be one class. `colours` are of the classes by their numbers, as far as the export
    tells them.
    """

    classes: tuple[str, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    colours: dict[int, Colour] = field(default_factory=dict)
    pictures: list[Annotated] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[Skipped] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

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
        if near := _near(classes):
            self.say(f"classes whose names differ by case alone are different classes: {', '.join(near)}")
        if len(classes) > IGNORE:
            raise DataError(f"there are {len(classes)} classes, but a label holds at most {IGNORE}: merge some of them")
        self.classes = tuple(classes)

    def number_objects(self, names: Iterable[str], rules: Rules) -> None:
        """`number_classes` of a format of objects, with what is around them as the rules say."""
        self.number_classes(names, background=rules.ground or None)
        if rules.ground:
            self.say("pixels of no object are the class background; --unlabelled ignore: not labelled")
        else:
            self.say("pixels of no object are not labelled (255)")
        if rules.boxes == "fill":
            self.say("objects that are boxes are filled")

    def number_values(self, names: Iterable[str], rules: Rules, *, has_layers: bool = False) -> None:
        """`number_classes` of a format of masks, with what their table does not name as the rules say.

        Raises ConfigError for rules of objects, of which only those on layers serve `has_layers`.
        """
        if rules.boxes == "fill":
            raise ConfigError("--boxes fill: these annotations have no boxes: leave it out")
        if rules.order is not None and not has_layers:
            raise ConfigError(f"--order {rules.order}: in masks nothing lies on top of anything: leave it out")
        self.number_classes(names, background=True if rules.unlabelled == "background" else None)
        if rules.unlabelled is not None:
            what = "the class background" if rules.ground else "not labelled (255)"
            self.say(f"pixels of values and colours that stand for no class are {what}")

    def skip(self, file: str, reason: str) -> None:
        """Say that a picture is left out."""
        self.skipped.append(Skipped(file, reason))

    def readable(self, files: Mapping[str, Path]) -> Iterator[tuple[str, Any]]:
        """The content of each JSON file by its name; those that cannot be read are skipped."""
        for name, path in files.items():
            try:
                yield name, read_json(path)
            except DataError as error:
                self.skip(name, str(error).removeprefix(f"{path} "))

    def note(self, file: str, reason: str) -> None:
        """Say that a part of a picture is left out."""
        self.notes.append(Skipped(file, reason))

    def say(self, sentence: str) -> None:
        """Say how the whole is read, once."""
        if sentence not in self.said:
            self.said.append(sentence)

    @contextmanager
    def one_picture(self, file: str) -> Iterator[None]:
        """Skip the picture that the body reads if it cannot be read: DataError, or anything else than expected."""
        try:
            with expected_form():
                yield
        except DataError as error:
            self.skip(file, str(error).removeprefix(f"{file} "))


def _near(names: Iterable[str]) -> list[str]:
    """Names that differ from another by case alone."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    return [name for group in alike.values() if len(group) > 1 for name in group]


def by_reason(entries: Iterable[Skipped]) -> dict[str, list[str]]:
    """The files of each reason, one for each time, the commonest reason first.

    Numbers in a reason and what stands in parentheses are of one file: reasons are the same without them, and the first
    speaks for all.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in entries:
        kind = re.sub(r" \([^()]*\)|\d+", "", entry.reason)
        found.setdefault(kind, (entry.reason, []))[1].append(entry.file)
    return dict(sorted(found.values(), key=lambda item: -len(item[1])))


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
