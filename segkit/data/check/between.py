"""Pictures that are in two splits, which makes the score of a validation say too much."""

import re
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from segkit.base.errors import DataError
from segkit.data.check.fingerprint import Pair, same_pictures
from segkit.data.check.look import SplitLooks
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles

# Names that only count, such as 0001 or img_12: each split may count from the start.
_COUNTED = re.compile(r"[^\W\d]*[ _-]?0*\d{1,5}")


def between_splits(splits: Sequence[SplitLooks]) -> list[Finding]:
    """The pictures of each two splits that are the same, nearly the same, or have one name."""
    return [finding._replace(split=b.name) for a, b in combinations(splits, 2) for finding in _in_both(a, b)]


def _in_both(a: SplitLooks, b: SplitLooks) -> list[Finding]:
    def same_pixels(i: int, j: int) -> bool:
        if a.looks[i].size != b.looks[j].size:
            return False
        try:
            return np.array_equal(_picture(a.dataset, i), _picture(b.dataset, j))
        except DataError:
            return False

    pairs = same_pictures([look.fingerprint for look in a.looks], [look.fingerprint for look in b.looks], same_pixels)
    return [_same(pair, a, b) for pair in pairs] + _names(a, b, {b.dataset.ids[pair.second] for pair in pairs})


def _picture(dataset: Dataset, index: int) -> np.ndarray:
    return dataset.picture(index) if isinstance(dataset, PairedFiles) else dataset[index].image


def _same(pair: Pair, a: SplitLooks, b: SplitLooks) -> Finding:
    one, other = a.looks[pair.first].picture, b.looks[pair.second].picture
    if one == other:
        told = f"{one} is in both {a.name} and {b.name}: take it out of one"
        return Finding("error", other, told, "same picture in two splits")
    if pair.exact:
        told = f"{other} in {b.name} is the same picture as {one} in {a.name}: take one of them out"
        return Finding("error", other, told, "same picture in two splits")
    told = (
        f"{other} in {b.name} is nearly the same picture as {one} in {a.name} (another size, encoding or brightness, "
        "or the next frame of a film that stands still): look at both, and keep such pictures in one split"
    )
    return Finding("warning", other, told, "nearly the same picture")


def _names(a: SplitLooks, b: SplitLooks, told_already: set[str]) -> list[Finding]:
    if not (isinstance(a.dataset, PairedFiles) and isinstance(b.dataset, PairedFiles)):
        return []
    files = dict(zip(a.dataset.ids, a.dataset.pictures, strict=True))
    findings = []
    for name, path in zip(b.dataset.ids, b.dataset.pictures, strict=True):
        if name in files and name not in told_already and not _COUNTED.fullmatch(name):
            told = (
                f"the name {name!r} is in both {a.name} ({files[name]}) and {b.name} ({path}), with other pixels: "
                "if one is a changed copy take it out, else rename one"
            )
            findings.append(Finding("warning", str(path), told, "name in two splits"))
    return findings
