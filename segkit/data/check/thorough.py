"""The thorough check: every picture of every split, and what the splits have in common."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from segkit.base.errors import DataError
from segkit.base.labels import Palette
from segkit.data.check.between import between_splits
from segkit.data.check.examples import Chosen, choose_examples
from segkit.data.check.figures import SplitFigures, median_frequency_weights, split_figures
from segkit.data.check.pool import look_at_all
from segkit.data.check.within import absent_classes, within_split
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding


@dataclass(frozen=True)
class DataCheck:
    """What a check found: figures of each split, and findings, errors first.

    `class_weights` are by median frequency on the training split, None where it has no labelled pixel; `examples` are
    pictures worth looking at.
    """

    classes: tuple[str, ...]
    palette: Palette
    splits: tuple[SplitFigures, ...]
    findings: tuple[Finding, ...]
    class_weights: tuple[float, ...] | None
    examples: tuple[Chosen, ...]
    seconds: float

    @property
    def errors(self) -> int:
        """How many of the findings are errors."""
        return sum(finding.level == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The check as plain data."""
        return {
            "classes": list(self.classes),
            "palette": [list(colour) for colour in self.palette],
            "splits": [asdict(split) for split in self.splits],
            "findings": [finding._asdict() for finding in self.findings],
            "errors": self.errors,
            "class_weights": self.class_weights,
            "seconds": round(self.seconds, 1),
        }


def check_splits(
    datasets: Mapping[str, Dataset],
    *,
    train: str,
    before: Sequence[Finding] = (),
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> DataCheck:
    """Look at every picture of each split and tell what is wrong, errors first and each kind together.

    `datasets` are the splits by name, of the same classes, `train` the one that is trained on; `before` is what was
    found when they were opened. Arguments `workers` and `progress` are those of `look_at_all`. Raises DataError where
    there is no split, and nothing on bad data.
    """
    if not datasets:
        raise DataError("there is no split to look at: correct `root` and the names of the splits")
    start = time.monotonic()
    splits = look_at_all(datasets, workers=workers, progress=progress)
    figures = {split.name: split_figures(split) for split in splits}
    findings = list(before)
    for split in splits:
        findings += [finding._replace(split=split.name) for finding in within_split(split)]
    first = splits[0].dataset
    if train in figures:
        findings += absent_classes(figures[train], list(figures.values()), first.classes)
    findings += between_splits(splits)
    findings.sort(key=lambda finding: (finding.level, finding.kind))
    return DataCheck(
        first.classes,
        first.palette,
        tuple(figures.values()),
        tuple(findings),
        median_frequency_weights(figures[train]) if train in figures else None,
        choose_examples(splits, findings),
        time.monotonic() - start,
    )
