"""What is wrong within one split, from the looks at all of its pictures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from segkit.base.labels import IGNORE
from segkit.base.pictures import PICTURE_SUFFIXES
from segkit.data.check.look import Look, label_name
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles

_LEAST_SIDE = 32  # pixels a side under which the deepest map of a network is a single cell


def within_split(dataset: Dataset, looks: Sequence[Look]) -> list[Finding]:
    """What is wrong with the pictures and labels of a split, file by file, and with the split as a whole."""
    if not looks:
        told = "the split holds no pictures: check its folder, list and name"
        return [*_partners(dataset), Finding("error", "", told, "no pictures")]
    findings = _partners(dataset)
    for look in looks:
        findings.extend(look.findings)
    return findings + _small(dataset, looks) + _one_value(dataset, looks)


def _partners(dataset: Dataset) -> list[Finding]:
    """Pictures without a label and labels without a picture, with a file that may be meant."""
    if not isinstance(dataset, PairedFiles) or not len(dataset):
        return []
    findings = []
    for alone, what, partner, folder in (
        (dataset.without_label, "picture", "label", dataset.labels[0].parent),
        (dataset.without_picture, "label", "picture", dataset.pictures[0].parent),
    ):
        near = _by_plain_name(folder) if alone else {}
        for path in alone:
            told = f"the {what} {path} has no {partner} of the same name in {folder} and is left out"
            other = near.get(path.stem.lower())
            if other is None:
                told += f": add the {partner}, or take the {what} out"
            elif partner == "label" and other.suffix.lower() != ".png":
                told += f": there is {other.name}, but labels have to be PNGs"
            else:
                told += f": there is {other.name}, give both one name"
            findings.append(Finding("warning", str(path), told, f"no {partner}"))
    return findings


def _by_plain_name(folder: Path) -> dict[str, Path]:
    """The pictures in a folder, whatever their ending, by name in lower case."""
    endings = PICTURE_SUFFIXES | {".gif", ".npy", ".json", ".txt", ".xml"}
    return {path.stem.lower(): path for path in sorted(folder.iterdir()) if path.suffix.lower() in endings}


def _small(dataset: Dataset, looks: Sequence[Look]) -> list[Finding]:
    findings = []
    for index, look in enumerate(looks):
        if look.size is not None and min(look.size) < _LEAST_SIDE:
            name = str(dataset.pictures[index]) if isinstance(dataset, PairedFiles) else dataset.ids[index]
            told = f"{name} is {look.size[0]}x{look.size[1]} pixels, under {_LEAST_SIDE} a side"
            findings.append(Finding("warning", name, f"{told}: take it out or find it larger", "very small picture"))
    return findings


def _one_value(dataset: Dataset, looks: Sequence[Look]) -> list[Finding]:
    """Labels that hold one class or none; all of them together are a sign that the values are wrong."""
    if len(dataset.classes) == 1:
        return []
    labels = [(label_name(dataset, index), look.values) for index, look in enumerate(looks) if look.pixels is not None]
    together = {value for _, values in labels for value in values}
    if {0, IGNORE} == together and len(labels) > 1:
        told = (
            f"the labels hold nothing but 0 and {IGNORE}, which is not a class: if these masks were saved to be looked "
            f"at, give `mapping` as {{{IGNORE}: 1}}"
        )
        return [Finding("error", "", told, "mask saved to be looked at")]
    if len(together - {IGNORE}) == 1 and len(labels) > 1:
        name = dataset.classes[(together - {IGNORE}).pop()]
        told = f"every label holds nothing but {name!r}: check the label files, `classes` and `mapping`"
        return [Finding("error", "", told, "one class only")]
    return [finding for name, values in labels if (finding := _poor_label(name, values, dataset.classes))]


def _poor_label(name: str, values: Sequence[int], classes: Sequence[str]) -> Finding | None:
    present = [value for value in values if value != IGNORE]
    if len(present) > 1:
        return None
    if not present:
        told = f"{name} holds no labelled pixel: label it or take it out"
        return Finding("warning", name, told, "not labelled")
    if present != [0] and len(values) > 1:
        return None  # an object that fills its picture has a border of IGNORE at most
    told = f"{name} holds nothing but {classes[present[0]]!r}{' and pixels not labelled' if len(values) > 1 else ''}"
    told += ": fine if there is nothing else in the picture, otherwise label it"
    return Finding("warning", name, told, "one class only")


def absent_classes(classes: Sequence[str], holding: Mapping[str, Sequence[int]], train: str) -> list[Finding]:
    """The classes that the training split has no pixel of; `holding`: split -> pictures that each class is in."""
    findings = []
    if not any(holding[train]):
        return []
    for label, name in enumerate(classes):
        if holding[train][label]:
            continue
        others = Counter({split: counts[label] for split, counts in holding.items() if counts[label]})
        if others:
            split, count = others.most_common(1)[0]
            told = (
                f"the class {name!r} is in {count} pictures of {split} but in none of {train}, so it cannot be learnt: "
                f"move some of them to {train}"
            )
            findings.append(Finding("warning", "", told, "class not in train", train))
        else:
            told = f"the class {name!r} does not occur: check the order of `classes` and the `mapping`, or add pictures"
            findings.append(Finding("warning", "", told, "class not in train", train))
    return findings
