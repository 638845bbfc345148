"""What is wrong within one split, from the looks at all of its pictures."""

from collections.abc import Sequence
from pathlib import Path

from segkit.base.labels import IGNORE
from segkit.base.pictures import PICTURE_SUFFIXES
from segkit.data.check.figures import SplitFigures
from segkit.data.check.look import Look, SplitLooks
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles

_LEAST_SIDE = 32  # pixels a side under which the deepest map of a network is a single cell


def within_split(split: SplitLooks) -> list[Finding]:
    """What is wrong with the pictures and labels of a split, file by file, and with the split as a whole."""
    findings = [*_partners(split.dataset), *(finding for look in split.looks for finding in look.findings)]
    if not split.looks:
        told = "the split holds no pictures: check its folder, list and name"
        findings.append(Finding("error", "", told, "no pictures"))
    return findings + _small(split.looks) + _one_value(split.looks, split.dataset.classes)


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


def _small(looks: Sequence[Look]) -> list[Finding]:
    findings = []
    for look in looks:
        if look.size is not None and min(look.size) < _LEAST_SIDE:
            told = f"{look.picture} is {look.size[0]}x{look.size[1]} pixels, under {_LEAST_SIDE} a side"
            told += ": take it out or find it larger"
            findings.append(Finding("warning", look.picture, told, "very small picture"))
    return findings


def _one_value(looks: Sequence[Look], classes: Sequence[str]) -> list[Finding]:
    """Labels that hold one class or none; all of them together are a sign that the values are wrong."""
    labels = {look.label: look.values for look in looks if look.pixels is not None}
    together = {value for values in labels.values() for value in values}
    if together == {0, IGNORE} and len(classes) > 1:
        first = next(name for name, values in labels.items() if IGNORE in values)
        told = (
            f"the labels, such as {first}, hold nothing but 0 and {IGNORE}, which is not a class: if these masks were "
            f"saved to be looked at, give `mapping` as {{{IGNORE}: 1}}"
        )
        return [Finding("error", first, told, "mask saved to be looked at")]
    poor = [finding for name, values in labels.items() if (finding := _poor_label(name, values, classes))]
    if len(together - {IGNORE}) == 1 and len(labels) > 1 and len(classes) > 1:
        name = classes[(together - {IGNORE}).pop()]
        told = f"every label holds nothing but {name!r}: check the label files, `classes` and `mapping`"
        poor = [finding for finding in poor if finding.kind != "one class only"]
        poor.append(Finding("error", "", told, "one class only"))
    return poor


def _poor_label(name: str, values: Sequence[int], classes: Sequence[str]) -> Finding | None:
    present = [value for value in values if value != IGNORE]
    if not present:
        told = f"{name} holds nothing but {IGNORE} (not labelled): label it or take it out"
        return Finding("warning", name, told, "not labelled")
    if len(present) > 1 or len(classes) == 1:
        return None
    if present != [0] and len(values) > 1:
        return None  # an object that fills its picture has a border of IGNORE at most
    told = f"{name} holds nothing but {classes[present[0]]!r}{' and pixels not labelled' if len(values) > 1 else ''}"
    told += ": fine if there is nothing else in the picture, otherwise label it"
    return Finding("warning", name, told, "one class only")


def absent_classes(
    train: SplitFigures, others: Sequence[SplitFigures], classes: Sequence[str], where: str = ""
) -> list[Finding]:
    """The classes that the training split has no pixel of, looked for `where` (a piece of a sentence)."""
    if not any(train.holding):
        return []
    findings = []
    for label, name in enumerate(classes):
        if train.holding[label]:
            continue
        told = f"the class {name!r} does not occur{where}: check the order of `classes` and the `mapping`, or add "
        told += "pictures of it"
        most = max(others, key=lambda split: split.holding[label], default=train)
        if most.holding[label]:
            told = (
                f"the class {name!r} is in {most.holding[label]} pictures of {most.name} but in none of {train.name}, "
                f"so it cannot be learnt: move some of them to {train.name}"
            )
        findings.append(Finding("warning", "", told, "class not in train", train.name))
    return findings
