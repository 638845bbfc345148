"""The page of the MobileNetV2 paper's table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segkit.report.benchmark import UNVERIFIED, footnotes, precisions
from segkit.report.charts import Point, pareto_front, scatter
from segkit.report.html import write_page
from segkit.report.sheet import full_name

CLOSE = 0.005
"""Counted multiply-adds meet the published ones where they are at most this share away."""


def write_benchmark_page(path: Path | str, table: dict[str, Any]) -> None:
    """Write the page of the plain data of `segkit.benchmark.table.benchmark_table`, as one file.

    Raises OutputError where the file cannot be written.
    """
    rows = table["rows"]
    notes = footnotes(table)
    published = [
        Point(number, full_name(row), row["published"]["madds"], row["published"]["miou"])
        for number, row in enumerate(rows, 1)
    ]
    measured = _measured(rows)
    write_page(
        path,
        "benchmark.html.j2",
        title="The table of the MobileNetV2 paper",
        table=table,
        unverified=UNVERIFIED,
        notes=notes,
        marks={note: number for number, note in enumerate(notes, 1)},
        measured=len(measured),
        precision=precisions(table),
        close=sum(abs(row["madds_ratio"] - 1) <= CLOSE for row in rows),
        front=[point.number for point in pareto_front(published)],
        chart=scatter(
            published,
            twins=measured,  # at the multiply-adds that are counted
            label="mIoU against multiply-adds: published points, and squares for those measured",
            x_label="multiply-adds in TensorFlow's accounting",
        ),
        data={},
    )


def _measured(rows: Sequence[dict[str, Any]]) -> list[Point]:
    return [
        Point(number, full_name(row), row["madds_tensorflow"], found["miou"], found["miou_interval"])
        for number, row in enumerate(rows, 1)
        if (found := row["measured"]) is not None and found["miou"] is not None
    ]
