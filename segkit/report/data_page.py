"""The page of a check of a data set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from segkit.report.gallery import data_uri
from segkit.report.html import colours, write_page

MOST = 2000
"""Findings that the table shows; `segkit data check --json` has all."""


class ShownExample(NamedTuple):
    """A picture on the page: `note` is the kind of finding it is shown for, or ""; `image` a WebP or PNG file.

    `labelled` tells whether the label is shown over the picture, or what is in its file beside it.
    """

    name: str
    split: str
    note: str
    classes: tuple[str, ...]
    image: bytes
    labelled: bool


class BalanceRow(NamedTuple):
    """A class: its colour, its weight, and for each split its share of the labelled pixels and in how many pictures."""

    name: str
    colour: str
    weight: float | None
    splits: tuple[tuple[float | None, int], ...]


def write_data_page(path: Path | str, check: dict[str, Any], examples: Sequence[ShownExample], *, title: str) -> None:
    """Write the page of the plain data of `segkit.data.check.thorough.DataCheck.to_json`, as one file.

    Raises OutputError where the file cannot be written.
    """
    findings = check["findings"]
    kinds = dict.fromkeys(finding["kind"] for finding in findings)
    balance = _balance(check)
    weights = check["class_weights"]
    write_page(
        path,
        "data.html.j2",
        title=title,
        check=check,
        findings=findings[:MOST],
        kinds=[(kind, sum(finding["kind"] == kind for finding in findings)) for kind in kinds],
        balance=balance,
        largest=max([0.0, *(share or 0.0 for row in balance for share, _ in row.splits)]),
        weights=weights and f"train.class_weights=[{', '.join(f'{weight:g}' for weight in weights)}]",
        examples=[(example, data_uri(example.image)) for example in examples],
        data={},
    )


def _balance(check: dict[str, Any]) -> list[BalanceRow]:
    weights = check["class_weights"] or [None] * len(check["classes"])
    rows = []
    for label, (name, colour) in enumerate(zip(check["classes"], colours(check["palette"]), strict=False)):
        splits = []
        for split in check["splits"]:
            whole = sum(split["pixels"])
            splits.append((split["pixels"][label] / whole if whole else None, split["holding"][label]))
        rows.append(BalanceRow(name, colour, weights[label], tuple(splits)))
    return rows
