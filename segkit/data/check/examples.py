"""Pictures of a check to be looked at: some of each class, and those with findings."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.base.pictures import read_picture
from segkit.data.check.look import SplitLooks
from segkit.data.dataset import Dataset, evenly
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles
from segkit.report.data_page import ShownExample
from segkit.report.gallery import overlaid

SOUND = 24
"""How many pictures are chosen whatever is found."""
FAULTY = 24
"""How many more are chosen because something is wrong with them, spread over the kinds of findings."""


class Chosen(NamedTuple):
    """A picture worth looking at: its split, its place in it, and the kind of finding it is chosen for, or ""."""

    split: str
    place: int
    kind: str = ""


def choose_examples(splits: Sequence[SplitLooks], findings: Sequence[Finding]) -> tuple[Chosen, ...]:
    """Up to FAULTY pictures with findings, taken in turn from all kinds, then up to SOUND others.

    Those are for each class the picture with most of it, of the first split that has it, and pictures spread over the
    splits.
    """
    faulty = _faulty(splits, findings)
    places = {chosen[:2] for chosen in faulty}
    return (*faulty, *(chosen for chosen in _sound(splits) if chosen[:2] not in places))


def _faulty(splits: Sequence[SplitLooks], findings: Sequence[Finding]) -> list[Chosen]:
    at = {
        (split.name, file): index
        for split in splits
        for index, look in enumerate(split.looks)
        for file in (split.dataset.ids[index], look.picture, look.label)
    }
    kinds: dict[str, list[tuple[str, int]]] = {}
    for finding in findings:
        if (finding.split, finding.file) in at:
            kinds.setdefault(finding.kind, []).append((finding.split, at[finding.split, finding.file]))
    found: dict[tuple[str, int], str] = {}
    for turn in range(FAULTY):
        for kind, places in kinds.items():
            if turn < len(places) and len(found) < FAULTY:
                found.setdefault(places[turn], kind)
    return [Chosen(*place, kind) for place, kind in found.items()]


def _sound(splits: Sequence[SplitLooks]) -> list[Chosen]:
    labels = {
        Chosen(split.name, index): look.pixels
        for split in splits
        for index, look in enumerate(split.looks)
        if look.size is not None and look.pixels is not None
    }
    readable = list(labels)
    if not readable:
        return []
    chosen: dict[Chosen, None] = {}
    for label in range(len(splits[0].dataset.classes)):
        for split in splits:
            holding = [place for place in readable if place.split == split.name and labels[place][label]]
            if holding:
                chosen[max(holding, key=lambda place: labels[place][label])] = None
                break
    rest = evenly(len(readable), max(0, SOUND - len(chosen)))
    first = list(dict.fromkeys([*chosen, *(readable[place] for place in rest)]))[:SOUND]
    return sorted(first, key=readable.index)


def read_examples(examples: Sequence[Chosen], datasets: Mapping[str, Dataset]) -> Iterator[ShownExample]:
    """The pictures chosen, with their labels over them; those that cannot be read are left out.

    Where a label is none of its picture's, what is in its file is shown beside it, if that can be read as a picture.
    """
    for chosen in examples:
        with suppress(DataError):
            yield _read(datasets[chosen.split], chosen)


def _read(dataset: Dataset, chosen: Chosen) -> ShownExample:
    split, index, kind = chosen
    label = stored = None
    if isinstance(dataset, PairedFiles):
        picture = dataset.picture(index)
        with suppress(DataError):
            label = dataset.label(index)
    else:
        picture, label, _ = dataset[index]
    others = label is not None and ((label >= len(dataset.classes)) & (label != IGNORE)).any()
    if label is not None and (label.shape != picture.shape[:2] or others):
        label = None
    if label is None and isinstance(dataset, PairedFiles):
        with suppress(DataError):
            stored = read_picture(dataset.labels[index])
    present = [] if label is None else np.unique(label[label != IGNORE]).tolist()
    classes = tuple(dataset.classes[number] for number in present)
    image = overlaid(picture, label, dataset.palette, stored=stored)
    return ShownExample(dataset.ids[index], split, kind, classes, image, label is not None)
