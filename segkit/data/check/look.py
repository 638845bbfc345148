"""A look at one picture and its label: what is wrong with them, and what is counted."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE
from segkit.base.pictures import read_reduced
from segkit.data.check.exif import fits_turned
from segkit.data.check.fingerprint import SIDE, Fingerprint, fingerprint, fingerprint_of_file
from segkit.data.check.masks import label_finding
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles


class Look(NamedTuple):
    """What one picture and its label showed; None is what could not be had.

    `size` is (width, height) of the picture, `pixels`, int64 (256,), how many pixels of the label are of each class and
    IGNORE.
    """

    size: tuple[int, int] | None
    pixels: np.ndarray | None
    fingerprint: Fingerprint | None
    findings: tuple[Finding, ...]

    @property
    def values(self) -> list[int]:
        """The classes in the label, and IGNORE."""
        return [] if self.pixels is None else np.flatnonzero(self.pixels).tolist()


def look_at(dataset: Dataset, index: int, *, fingerprinted: bool = True) -> Look:
    """Look at the picture and the label at `index`; raises nothing on bad data.

    Only where pictures are to be compared they have to be `fingerprinted`, which reads each file once more.
    """
    if isinstance(dataset, PairedFiles):
        return _look_at_files(dataset, index, fingerprinted)
    try:
        picture, label, name = dataset[index]
    except DataError as error:
        told = Finding("error", dataset.ids[index], str(error), "cannot be read")
        return Look(None, None, None, (told,))
    size = picture.shape[1], picture.shape[0]
    pixels = np.array(Image.fromarray(label).histogram(), np.int64)
    found = fingerprint(picture) if fingerprinted else None
    return Look(size, pixels, found, _wrong_arrays(picture, label, name, len(dataset.classes)))


def _look_at_files(dataset: PairedFiles, index: int, fingerprinted: bool) -> Look:
    """File by file, so that a broken picture does not hide what is wrong with its label."""
    path = dataset.pictures[index]
    findings: list[Finding] = []
    picture, size, found = None, None, None
    try:
        picture, size = read_reduced(path, side=SIDE)
        found = fingerprint_of_file(path, picture) if fingerprinted else None
    except DataError as error:
        findings.append(Finding("error", str(path), str(error), "picture cannot be read"))
    try:
        label = dataset.label(index)
    except DataError as error:
        findings.append(label_finding(dataset.labels[index], str(error), dataset))
        return Look(size, None, found, tuple(findings))
    if picture is not None and size is not None:
        findings.extend(_fit(dataset, index, picture, size, label))
    return Look(size, np.array(Image.fromarray(label).histogram(), np.int64), found, tuple(findings))


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


def _wrong_arrays(picture: np.ndarray, label: np.ndarray, name: str, count: int) -> tuple[Finding, ...]:
    findings = []
    if picture.shape[:2] != label.shape:
        sizes = f"{label.shape[1]}x{label.shape[0]} pixels, its picture {picture.shape[1]}x{picture.shape[0]}"
        findings.append(Finding("error", name, f"the label of {name} is {sizes}: make them equal", "sizes differ"))
    wrong = [value for value in np.unique(label).tolist() if value >= count and value != IGNORE]
    if wrong:
        held = f"the label of {name} holds {wrong[0]}, but the classes are 0 to {count - 1}"
        told = f"{held}: give it a class or make it {IGNORE}"
        findings.append(Finding("error", name, told, "label values"))
    return tuple(findings)


def several(paths: Sequence[str | Path], what: str) -> str:
    """Such as "3 labels (the first is a.png) have", to begin a sentence with."""
    return f"1 {what} ({paths[0]}) has" if len(paths) == 1 else f"{len(paths)} {what}s (the first is {paths[0]}) have"


def label_name(dataset: Dataset, index: int) -> str:
    """The file of a label, or the picture's name where there are no files."""
    return str(dataset.labels[index]) if isinstance(dataset, PairedFiles) else dataset.ids[index]
