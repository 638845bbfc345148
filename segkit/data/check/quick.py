"""A look at a data set before a training starts: what would ruin the run, in which file, and what to do."""

import time

from segkit.data.check.figures import split_figures
from segkit.data.check.look import SplitLooks, look_at
from segkit.data.check.within import absent_classes, within_split
from segkit.data.dataset import Dataset, evenly
from segkit.data.finding import Finding

_MAY_BE_SO = ("one class only", "very small picture")  # kinds that a training may well be meant to meet


def check_dataset(dataset: Dataset, *, sample: int = 200, seconds: float = 2.0) -> list[Finding]:
    """Look at up to `sample` pictures, spread evenly over the set, for about `seconds` and tell what is wrong.

    At least one picture is looked at. Files that cannot be read, labels that are no class and sizes that differ are
    errors, each with its file. Where there are none, pictures without a label, classes that never occur and labels with
    nothing but IGNORE are warnings, the first file of each kind for all. Raises nothing on bad data.
    """
    end = time.monotonic() + seconds
    looks = {}
    for index in _spread(len(dataset), sample):
        looks[index] = look_at(dataset, index, fingerprinted=False)
        if time.monotonic() > end:
            break
    looked = SplitLooks("", dataset, [look for _, look in sorted(looks.items())])
    findings = [finding for finding in within_split(looked) if finding.kind not in _MAY_BE_SO]
    errors = [finding for finding in findings if finding.level == "error"]
    where = f" in the labels looked at ({len(looks)} of {len(dataset)})"
    return errors or _first_of_each_kind(findings) + absent_classes(split_figures(looked), [], dataset.classes, where)


def _spread(count: int, sample: int) -> list[int]:
    """Indices spread evenly over `count`, in an order of which each beginning is spread evenly too."""
    chosen = evenly(count, sample)
    # The van der Corput order: sorted by the bits read backwards, so each number falls in the widest gap.
    return [chosen[place] for place in sorted(range(len(chosen)), key=lambda place: f"{place:032b}"[::-1])]


def _first_of_each_kind(findings: list[Finding]) -> list[Finding]:
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    return [
        first._replace(message=first.message + (f" (and {len(others)} more)" if others else ""))
        for first, *others in kinds.values()
    ]
