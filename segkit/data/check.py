"""A look at a data set before a training starts: what would ruin the run, in which file, and what to do."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.base.pictures import read_picture
from segkit.data.dataset import Dataset
from segkit.data.pairs import PairedFiles


class Finding(NamedTuple):
    """One thing that is wrong. `file` is a path, a picture's name, or "" for the set as a whole.

    An "error" makes a training fail or learn the wrong thing, a "warning" may be meant. `message` is a whole sentence
    that names the file and says what to do.
    """

    level: Literal["error", "warning"]
    file: str
    message: str


def check_dataset(dataset: Dataset, *, sample: int = 200, seconds: float = 2.0) -> list[Finding]:
    """Look at up to `sample` pictures, spread evenly over the set, for about `seconds` and tell what is wrong.

    At least one picture is looked at. Files that cannot be read, labels that are no class and sizes that differ are
    errors, each with its file; pictures without a label, classes that never occur and labels with nothing but IGNORE
    are warnings. Raises nothing on bad data; files that the data set was made without are told from its own lists.
    """
    findings = _missing_partners(dataset)
    if len(dataset) == 0:
        return [*findings, Finding("error", "", "the data set holds no pictures: check its folder, list and split")]
    end = time.monotonic() + seconds
    looks = {}
    for index in _spread(len(dataset), sample):
        looks[index] = _look(dataset, index)
        if time.monotonic() > end:
            break
    present = {}
    for index, (values, found) in sorted(looks.items()):
        findings.extend(found)
        if values is not None:
            present[index] = values
    return findings + _over_all(dataset, present)


def _spread(count: int, sample: int) -> list[int]:
    """Indices spread evenly over `count`, in an order of which each beginning is spread evenly too."""
    chosen = np.linspace(0, count - 1, max(1, min(sample, count))).round().astype(int).tolist()
    # The van der Corput order: sorted by the bits read backwards, so each number falls in the widest gap.
    return [chosen[place] for place in sorted(range(len(chosen)), key=lambda place: f"{place:032b}"[::-1])]


def _look(dataset: Dataset, index: int) -> tuple[set[int] | None, list[Finding]]:
    """The values in a label map, None if it cannot be had, and what is wrong with the pair."""
    if isinstance(dataset, PairedFiles):
        return _look_at_files(dataset, index)
    try:
        picture, label, name = dataset[index]
    except DataError as error:
        return None, [Finding("error", dataset.ids[index], str(error))]
    return set(np.unique(label).tolist()), _wrong_arrays(picture, label, name, len(dataset.classes))


def _look_at_files(dataset: PairedFiles, index: int) -> tuple[set[int] | None, list[Finding]]:
    """`_look`, file by file, so that a broken picture does not hide what is wrong with its label."""
    findings: list[Finding] = []
    picture: np.ndarray | None = None
    label: np.ndarray | None = None
    try:
        picture = read_picture(dataset.pictures[index])
    except DataError as error:
        findings.append(Finding("error", str(dataset.pictures[index]), str(error)))
    try:
        label = dataset.label(index)
        if picture is not None:
            dataset.check_sizes(index, picture, label)
    except DataError as error:
        findings.append(Finding("error", str(dataset.labels[index]), str(error)))
    return None if label is None else set(np.unique(label).tolist()), findings


def _wrong_arrays(picture: np.ndarray, label: np.ndarray, name: str, count: int) -> list[Finding]:
    findings = []
    if picture.shape[:2] != label.shape:
        sizes = f"{label.shape[1]}x{label.shape[0]} pixels, its picture {picture.shape[1]}x{picture.shape[0]}"
        findings.append(Finding("error", name, f"the label of {name} is {sizes}: make them equal"))
    wrong = [value for value in np.unique(label).tolist() if value >= count and value != IGNORE]
    if wrong:
        held = f"the label of {name} holds {wrong[0]}, but the classes are 0 to {count - 1}"
        findings.append(Finding("error", name, f"{held}: give it a class or make it {IGNORE}"))
    return findings


def _missing_partners(dataset: Dataset) -> list[Finding]:
    if not isinstance(dataset, PairedFiles):
        return []
    findings = []
    for paths, what, partner in (
        (dataset.without_label, "picture", "label"),
        (dataset.without_picture, "label", "picture"),
    ):
        if paths:
            told = f"{_several(paths, what)} no {partner} of the same name and will be left out"
            way_out = f"add the {partner}s, or name the pictures you mean in a `list`"
            findings.append(Finding("warning", str(paths[0]), f"{told}: {way_out}"))
    return findings


def _over_all(dataset: Dataset, present: dict[int, set[int]]) -> list[Finding]:
    """What only the labels together tell; `present`: index -> the values of a label map that could be read."""
    if not present:
        return []
    together = set().union(*present.values())
    looked = f"the labels looked at ({len(present)} of {len(dataset)})"
    if IGNORE in together and 0 in together and together <= {0, IGNORE} and len(dataset.classes) > 1:
        first = next(_file_name(dataset, index) for index, values in present.items() if IGNORE in values)
        return [
            Finding(
                "error",
                first,
                f"{looked}, such as {first}, hold nothing but 0 and {IGNORE}, which is not a class: if these masks "
                f"were saved to be looked at, give `mapping` as {{{IGNORE}: 1}}",
            )
        ]
    findings = []
    void = [_file_name(dataset, index) for index, values in present.items() if values == {IGNORE}]
    if void:
        told = f"{_several(void, 'label')} nothing but {IGNORE} (not labelled)"
        findings.append(Finding("warning", void[0], f"{told}: label them or take them out"))
    absent = [name for label, name in enumerate(dataset.classes) if label not in together]
    for name in absent:
        way_out = "check the order of `classes` and the `mapping`, or add pictures of it"
        findings.append(Finding("warning", "", f"the class {name!r} does not occur in {looked}: {way_out}"))
    return findings


def _several(paths: Sequence[str | Path], what: str) -> str:
    return f"1 {what} ({paths[0]}) has" if len(paths) == 1 else f"{len(paths)} {what}s (the first is {paths[0]}) have"


def _file_name(dataset: Dataset, index: int) -> str:
    return str(dataset.labels[index]) if isinstance(dataset, PairedFiles) else dataset.ids[index]
