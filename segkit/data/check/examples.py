"""Pictures of a check to be looked at: some of each class, and those with findings."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.base.pictures import read_picture
from segkit.data.check.look import Look
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles

SOUND = 24
"""How many pictures are chosen whatever is found."""
FAULTY = 24
"""How many more are chosen because something is wrong with them, spread over the kinds of findings."""

Place = tuple[str, int]
"""A split and the place of a picture in it."""


class Example(NamedTuple):
    """A picture, uint8 (H, W, 3), its label, uint8 (H, W), and what is told of it.

    Where the label is none of this picture's, `label` is None and `stored` shows what is in its file, uint8 (h, w, 3),
    if that can be read as a picture.
    """

    name: str
    split: str
    note: str
    classes: tuple[int, ...]
    picture: np.ndarray
    label: np.ndarray | None
    stored: np.ndarray | None = None


def choose_examples(looks: Mapping[str, Sequence[Look]], classes: int) -> tuple[Place, ...]:
    """For each class the picture with most of it, of the first split that has it, and others spread over the splits."""
    readable = [
        (split, index)
        for split, row in looks.items()
        for index, look in enumerate(row)
        if look.size is not None and look.pixels is not None
    ]
    if not readable:
        return ()
    chosen: dict[Place, None] = {}
    for label in range(classes):
        for split, row in looks.items():
            counts = [-1 if look.pixels is None or look.size is None else int(look.pixels[label]) for look in row]
            if max(counts, default=0) > 0:
                chosen[(split, int(np.argmax(counts)))] = None
                break
    rest = max(0, SOUND - len(chosen))
    for place in np.linspace(0, len(readable) - 1, rest).round().astype(int).tolist():
        chosen[readable[place]] = None
    order = {place: number for number, place in enumerate(readable)}
    return tuple(sorted(list(chosen)[:SOUND], key=order.__getitem__))


def read_examples(
    places: Sequence[Place], findings: Sequence[Finding], datasets: Mapping[str, Dataset]
) -> Iterator[Example]:
    """The pictures with findings, up to FAULTY of them, then those at `places`; what cannot be read is left out."""
    faulty = _faulty(findings, datasets)
    for place, note in [*faulty.items(), *((place, "") for place in places if place not in faulty)]:
        example = _read(datasets[place[0]], place, note)
        if example is not None:
            yield example


def _faulty(findings: Sequence[Finding], datasets: Mapping[str, Dataset]) -> dict[Place, str]:
    """Where the files of findings are and the kind of each, taken in turn from all kinds."""
    at: dict[tuple[str, str], int] = {}
    for split, dataset in datasets.items():
        for index, name in enumerate(dataset.ids):
            at[split, name] = index
            if isinstance(dataset, PairedFiles):
                at[split, str(dataset.pictures[index])] = at[split, str(dataset.labels[index])] = index
    kinds: dict[str, list[Place]] = {}
    for finding in findings:
        if (finding.split, finding.file) in at:
            kinds.setdefault(finding.kind, []).append((finding.split, at[finding.split, finding.file]))
    found: dict[Place, str] = {}
    for turn in range(FAULTY):
        for kind, places in kinds.items():
            if turn < len(places) and len(found) < FAULTY:
                found.setdefault(places[turn], kind)
    return found


def _read(dataset: Dataset, place: Place, note: str) -> Example | None:
    split, index = place
    label = None
    try:
        if isinstance(dataset, PairedFiles):
            picture = dataset.picture(index)
            with suppress(DataError):
                label = dataset.label(index)
        else:
            picture, label, _ = dataset[index]
    except DataError:
        return None
    if label is not None and (label.shape != picture.shape[:2] or _holds_others(label, len(dataset.classes))):
        label = None
    if label is None:
        return Example(dataset.ids[index], split, note, (), picture, None, _stored(dataset, index))
    classes = tuple(np.unique(label[label != IGNORE]).tolist())
    return Example(dataset.ids[index], split, note, classes, picture, label)


def _stored(dataset: Dataset, index: int) -> np.ndarray | None:
    if not isinstance(dataset, PairedFiles):
        return None
    try:
        return read_picture(dataset.labels[index])
    except DataError:
        return None


def _holds_others(label: np.ndarray, classes: int) -> bool:
    return bool(((label >= classes) & (label != IGNORE)).any())
