"""The page of the MobileNetV2 paper's table."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from segkit.report.axes import short
from segkit.report.bars import Part, stacked_bar
from segkit.report.benchmark import UNVERIFIED, footnotes, precisions
from segkit.report.charts import Point, pareto_front, scatter
from segkit.report.html import protocol_words, render, write_page
from segkit.report.sheet import full_name, machine_line

CLOSE = 0.005
"""Counted multiply-adds meet the published ones where they are at most this share away."""

_WITH_HEAD = "mobilenet_v2_aspp"


class Half(NamedTuple):
    """One of the rows of a network: its name in words, and what was measured of it, if it was."""

    name: str
    measured: dict[str, Any] | None


class ShownRow(NamedTuple):
    """A row of the table with what it opens to; `on_front` tells whether its published point is on the front."""

    number: int
    name: str
    row: dict[str, Any]
    parts: Markup
    pair: tuple[Half, ...]
    classes: tuple[str, ...]
    protocol: dict[str, str]
    on_front: bool


def write_benchmark_page(path: Path | str, table: dict[str, Any]) -> None:
    """Write the page of the plain data of `segkit.benchmark.table.benchmark_table`, as one file.

    Raises OutputError where the file cannot be written.
    """
    rows = _rows(table["rows"])
    notes = footnotes(table)
    page = render(
        "benchmark.html.j2",
        title="The table of the MobileNetV2 paper",
        table=table,
        rows=rows,
        unverified=UNVERIFIED,
        notes=notes,
        marks={note: number for number, note in enumerate(notes, 1)},
        measured=sum(_is_measured(row) for row in table["rows"]),
        precision=precisions(table),
        close=sum(abs(row["madds_ratio"] - 1) <= CLOSE for row in table["rows"]),
        heads=_heads(table),
        chart=_chart(table["rows"]),
        machine_line=machine_line(table),
        machine=protocol_words(table["machine"]),
        data={},
    )
    write_page(path, page)


def _rows(rows: Sequence[dict[str, Any]]) -> list[ShownRow]:
    front = {point.name for point in pareto_front(_published(rows))}
    shown = []
    for number, row in enumerate(rows, 1):
        name = full_name(row)
        parts = [Part(part, madds) for part, madds in row["parts"].items()]
        pair = tuple(Half(full_name(other), other["measured"]) for other in rows if other["network"] == row["network"])
        shown.append(
            ShownRow(
                number=number,
                name=name,
                row=row,
                parts=stacked_bar(parts, label=f"Multiply-adds of {name} by part of the network"),
                pair=pair,
                classes=tuple(dict.fromkeys(label for half in pair if half.measured for label in half.measured["iou"])),
                protocol=protocol_words(row["measured"]["protocol"]) if row["measured"] else {},
                on_front=name in front,
            )
        )
    return shown


def _heads(table: dict[str, Any]) -> list[tuple[dict[str, Any], int]]:
    """The rows of the head on the 1280-channel map, each with the multiply-adds of the table's own row."""
    own = {row["output_stride"]: row["madds_tensorflow"] for row in table["rows"] if row["network"] == _WITH_HEAD}
    return [(wide, own[wide["output_stride"]]) for wide in table["wide_head"]]


def _chart(rows: Sequence[dict[str, Any]]) -> Markup:
    """Published points and, as their twins, the measured ones; these stand at the multiply-adds that are counted."""
    return scatter(
        _published(rows),
        twins=list(_measured(rows)),
        label="mIoU against multiply-adds: published points, and squares for those measured",
        x_label="multiply-adds in TensorFlow's accounting",
        log=True,
        numbers={full_name(row): number for number, row in enumerate(rows, 1)},
        x_format=short,
    )


def _published(rows: Iterable[dict[str, Any]]) -> list[Point]:
    return [Point(full_name(row), row["published"]["madds"], row["published"]["miou"]) for row in rows]


def _measured(rows: Iterable[dict[str, Any]]) -> Iterable[Point]:
    for row in filter(_is_measured, rows):
        low, high = row["measured"]["miou_interval"] or (None, None)
        yield Point(full_name(row), row["madds_tensorflow"], row["measured"]["miou"], low, high)


def _is_measured(row: dict[str, Any]) -> bool:
    return row["measured"] is not None and row["measured"]["miou"] is not None
