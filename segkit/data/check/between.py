"""Pictures that are in two splits, which makes the score of a validation say too much."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from segkit.base.errors import DataError
from segkit.data.check.fingerprint import Pair, same_pictures
from segkit.data.check.look import Look
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles

# Names that only count, such as 0001 or img_12: each split may count from the start.
_COUNTED = re.compile(r"[^\W\d]*[ _-]?0*\d{1,5}")


def between_splits(datasets: Mapping[str, Dataset], looks: Mapping[str, Sequence[Look]]) -> list[Finding]:
    """The pictures of each two splits that are the same, nearly the same, or have one name."""
    findings = []
    for first, second in combinations(datasets, 2):
        a, b = datasets[first], datasets[second]
        pairs = same_pictures(
            [look.fingerprint for look in looks[first]],
            [look.fingerprint for look in looks[second]],
            lambda i, j, a=a, b=b, first=first, second=second: (  # type: ignore[misc]
                looks[first][i].size == looks[second][j].size and _same_pixels(a, i, b, j)
            ),
        )
        findings += [_told(pair, a, b, first, second) for pair in pairs]
        findings += _names(a, b, first, second, {b.ids[pair.second] for pair in pairs})
    return findings


def _same_pixels(a: Dataset, i: int, b: Dataset, j: int) -> bool:
    try:
        return np.array_equal(_picture(a, i), _picture(b, j))
    except DataError:
        return False


def _picture(dataset: Dataset, index: int) -> np.ndarray:
    return dataset.picture(index) if isinstance(dataset, PairedFiles) else dataset[index].image


def _name(dataset: Dataset, index: int) -> str:
    return str(dataset.pictures[index]) if isinstance(dataset, PairedFiles) else dataset.ids[index]


def _told(pair: Pair, a: Dataset, b: Dataset, first: str, second: str) -> Finding:
    one, other = _name(a, pair.first), _name(b, pair.second)
    if one == other:
        told = f"{one} is in both {first} and {second}: take it out of one"
        return Finding("error", other, told, "same picture in two splits", second)
    if pair.exact:
        told = f"{other} in {second} is the same picture as {one} in {first}: take one of them out"
        return Finding("error", other, told, "same picture in two splits", second)
    told = (
        f"{other} in {second} is nearly the same picture as {one} in {first} (another size, encoding or brightness, or "
        "the next frame of a film that stands still): look at both, and keep such pictures in one split"
    )
    return Finding("warning", other, told, "nearly the same picture", second)


def _names(a: Dataset, b: Dataset, first: str, second: str, told_already: set[str]) -> list[Finding]:
    if not (isinstance(a, PairedFiles) and isinstance(b, PairedFiles)):
        return []
    files = dict(zip(a.ids, a.pictures, strict=True))
    findings = []
    for name, path in zip(b.ids, b.pictures, strict=True):
        if name in files and name not in told_already and not _COUNTED.fullmatch(name):
            told = (
                f"the name {name!r} is in both {first} ({files[name]}) and {second} ({path}), with other pixels: "
                "if one is a changed copy take it out, else rename one"
            )
            findings.append(Finding("warning", str(path), told, "name in two splits", second))
    return findings
