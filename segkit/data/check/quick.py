"""A look at a data set before a training starts: what would ruin the run, in which file, and what to do."""

import time

import numpy as np

from segkit.base.labels import IGNORE
from segkit.data.check.look import label_name, look_at, several
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles


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
        looks[index] = look_at(dataset, index, fingerprinted=False)
        if time.monotonic() > end:
            break
    present = {}
    for index, look in sorted(looks.items()):
        findings.extend(look.findings)
        if look.pixels is not None:
            present[index] = set(look.values)
    return findings + _over_all(dataset, present)


def _spread(count: int, sample: int) -> list[int]:
    """Indices spread evenly over `count`, in an order of which each beginning is spread evenly too."""
    chosen = np.linspace(0, count - 1, max(1, min(sample, count))).round().astype(int).tolist()
    # The van der Corput order: sorted by the bits read backwards, so each number falls in the widest gap.
    return [chosen[place] for place in sorted(range(len(chosen)), key=lambda place: f"{place:032b}"[::-1])]


def _missing_partners(dataset: Dataset) -> list[Finding]:
    if not isinstance(dataset, PairedFiles):
        return []
    findings = []
    for paths, what, partner in (
        (dataset.without_label, "picture", "label"),
        (dataset.without_picture, "label", "picture"),
    ):
        if paths:
            told = f"{several(paths, what)} no {partner} of the same name and will be left out"
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
        first = next(label_name(dataset, index) for index, values in present.items() if IGNORE in values)
        return [
            Finding(
                "error",
                first,
                f"{looked}, such as {first}, hold nothing but 0 and {IGNORE}, which is not a class: if these masks "
                f"were saved to be looked at, give `mapping` as {{{IGNORE}: 1}}",
            )
        ]
    findings = []
    void = [label_name(dataset, index) for index, values in present.items() if values == {IGNORE}]
    if void:
        told = f"{several(void, 'label')} nothing but {IGNORE} (not labelled)"
        findings.append(Finding("warning", void[0], f"{told}: label them or take them out"))
    absent = [name for label, name in enumerate(dataset.classes) if label not in together]
    for name in absent:
        way_out = "check the order of `classes` and the `mapping`, or add pictures of it"
        findings.append(Finding("warning", "", f"the class {name!r} does not occur in {looked}: {way_out}"))
    return findings
