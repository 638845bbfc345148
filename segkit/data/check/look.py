"""A look at one picture and its label: what is wrong with them, and what is counted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.label_files import count_values
from segkit.base.labels import IGNORE
from segkit.base.pictures import read_reduced
from segkit.data.check.exif import fits_turned
from segkit.data.check.fingerprint import SIDE, Fingerprint, fingerprint
from segkit.data.check.masks import label_finding
from segkit.data.check.pictures import doubt
from segkit.data.dataset import Dataset, Sample, check_sizes
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles


class Look(NamedTuple):
    """What one picture and its label showed; None is what could not be had.

    `picture` and `label` are their files, or the picture's name where there are no files. `size` is (width, height) of
    the picture, `pixels`, int64 (256,), how many pixels of the label are of each class and IGNORE.
    """

    picture: str
    label: str
    size: tuple[int, int] | None = None
    pixels: np.ndarray | None = None
    fingerprint: Fingerprint | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def values(self) -> list[int]:
        """The classes in the label, and IGNORE."""
        return [] if self.pixels is None else np.flatnonzero(self.pixels).tolist()


class SplitLooks(NamedTuple):
    """A split by its name, and the looks at its pictures, in their order."""

    name: str
    dataset: Dataset
    looks: Sequence[Look]


def look_at(dataset: Dataset, index: int, *, fingerprinted: bool = True) -> Look:
    """Look at the picture and the label at `index`; raises nothing on bad data.

    Only where pictures are to be compared they have to be `fingerprinted`, which reads each file once more.
    """
    if isinstance(dataset, PairedFiles):
        return _look_at_files(dataset, index, fingerprinted)
    name = dataset.ids[index]
    try:
        sample = dataset[index]
    except DataError as error:
        return Look(name, name, findings=(Finding("error", name, str(error), "cannot be read"),))
    size = sample.image.shape[1], sample.image.shape[0]
    found = fingerprint(sample.image) if fingerprinted else None
    findings = _wrong_arrays(sample, len(dataset.classes))
    pixels = None if any(finding.kind == "label values" for finding in findings) else count_values(sample.label)
    return Look(name, name, size, pixels, found, findings)


def _look_at_files(dataset: PairedFiles, index: int, fingerprinted: bool) -> Look:
    """File by file, so that a broken picture does not hide what is wrong with its label."""
    path, label_path = dataset.pictures[index], dataset.labels[index]
    findings: list[Finding] = []
    picture, label, size, found = None, None, None, None
    try:
        picture, size = read_reduced(path, side=SIDE, stretch=dataset.stretch)
        found = fingerprint(picture, path) if fingerprinted else None
        if doubtful := doubt(path, picture, stretched=dataset.stretch is not None):
            findings.append(doubtful)
    except DataError as error:
        findings.append(Finding("error", str(path), str(error), "picture cannot be read"))
    try:
        label = dataset.label(index)
    except DataError as error:
        findings.append(label_finding(label_path, str(error), dataset.colours))
    if picture is not None and size is not None and label is not None:
        findings.extend(_fit(dataset, index, picture, size, label))
    return Look(
        str(path), str(label_path), size, None if label is None else count_values(label), found, tuple(findings)
    )


def _fit(
    dataset: PairedFiles, index: int, picture: np.ndarray, size: tuple[int, int], label: np.ndarray
) -> list[Finding]:
    """What is wrong with a picture and a label together; `picture` may be smaller than its `size`."""
    path, turned = dataset.labels[index], dataset.pictures[index]
    try:
        dataset.check_sizes(index, (size[1], size[0]), label.shape)
    except DataError as error:
        kind = "EXIF orientation" if "EXIF" in str(error) else "sizes differ"
        return [Finding("error", str(path), str(error), kind)]
    orientation = fits_turned(turned, picture, label)
    if orientation is None:
        return []
    told = (
        f"{path} fits its picture {turned} as it is stored better than turned as its EXIF orientation ({orientation}) "
        "says: turn the label the same way, or remove the orientation from the picture"
    )
    return [Finding("warning", str(path), told, "EXIF orientation")]


def _wrong_arrays(sample: Sample, count: int) -> tuple[Finding, ...]:
    _, label, name = sample
    findings = []
    try:
        check_sizes(sample)
    except DataError as error:
        findings.append(Finding("error", name, str(error), "sizes differ"))
    wrong = [value for value in np.unique(label).tolist() if value >= count and value != IGNORE]
    if wrong:
        held = f"the label of {name} holds {wrong[0]}, but the classes are 0 to {count - 1}"
        told = f"{held}: give it a class or make it {IGNORE}"
        findings.append(Finding("error", name, told, "label values"))
    return tuple(findings)
