"""The table of the MobileNetV2 paper in words and numbers, for the terminal and for Markdown."""

from collections.abc import Sequence
from typing import Any

from segkit.report.sheet import (
    Sheet,
    billions,
    latency,
    machine_line,
    millions,
    network_title,
    percent,
    points,
    precision_line,
    switches,
)

UNVERIFIED = "unverified"
"""What stands in place of a figure that was not measured: never the published one, never nothing."""


def main_sheet(table: dict[str, Any]) -> Sheet:
    """The rows of `segkit.benchmark.table.benchmark_table`, with all that is known of each."""
    (_, quality, _), (header, costs, _) = quality_sheet(table), cost_sheet(table)
    columns = ("network", "OS", "ASPP", "MF", "mIoU published", "mIoU measured", *header[4:], "latency")
    rows = tuple((*left[:6], *right[4:], left[6]) for left, right in zip(quality, costs, strict=True))
    return Sheet(columns, rows, tuple(range(4, len(columns))))


def quality_sheet(table: dict[str, Any]) -> Sheet:
    """The mIoU of each row, published and measured, and its latency."""
    header = ("network", "OS", "ASPP", "MF", "mIoU published", "mIoU measured", "latency")
    rows = tuple(
        (*switches(row), percent(row["published"]["miou"]), _measured(row["measured"]), latency(row["latency"]))
        for row in table["rows"]
    )
    return Sheet(header, rows, (4, 5, 6))


def cost_sheet(table: dict[str, Any]) -> Sheet:
    """What each row costs; in brackets what is published, with the number of its footnote, and the ratio of the two."""
    header = ("network", "OS", "ASPP", "MF", "params", "MAdds", "exact")
    notes = footnotes(table)
    return Sheet(header, tuple(_cost_row(row, notes) for row in table["rows"]), (4, 5, 6))


def wide_head_sheet(table: dict[str, Any]) -> Sheet:
    """What MobileNetV2 would cost with its head on the 1280-channel map."""
    header = ("network", "OS", "ASPP", "MF", "params", "MAdds", "exact")
    rows = tuple((*switches(row), *_costs(row)) for row in table["wide_head"])
    return Sheet(header, rows, (4, 5, 6))


def classifier_sheet(table: dict[str, Any]) -> Sheet:
    """The classifiers at 224x224."""
    notes = footnotes(table)
    header = (
        "classifier, 224x224",
        "top-1 / top-5 published",
        "MAdds published",
        "MAdds",
        "params published",
        "params",
    )
    rows = []
    for row in table["classifiers"]:
        published = row["published"]
        top = f"{100 * published['top1']:.1f} / {100 * published['top5']:.1f}"
        madds = (f"{published['madds'] / 1e6:.0f}M", f"{row['madds_exact'] / 1e6:.1f}M")
        mark = _mark(row, notes)
        rows.append(
            (row["title"], top, *madds, f"{published['parameters'] / 1e6:.2f}M{mark}", millions(row["parameters"]))
        )
    return Sheet(header, tuple(rows), (1, 2, 3, 4, 5))


def legend(table: dict[str, Any]) -> str:
    """What the columns hold."""
    costs = "MAdds in TensorFlow's accounting, exact beside it; in brackets (published, ratio)."
    return f"{costs} mIoU with its 95 % interval.{precisions(table)}"


def precisions(table: dict[str, Any]) -> str:
    """`precision_line` of the rows that were measured."""
    return precision_line(row["measured"] for row in table["rows"] if row["measured"])


def pair_lines(table: dict[str, Any]) -> list[str]:
    """What OS 8 with MF changes from OS 16 without, for each network of which both were measured."""
    lines = []
    for pair in table["pairs"]:
        shown = "" if pair["miou"]["shown"] else ": holds 0, no difference is shown"
        lines.append(f"{network_title(pair)}, OS 8 MF against OS 16: {points(pair['miou'])} points{shown}")
    return lines


def footnotes(table: dict[str, Any]) -> list[str]:
    """The footnotes, in the order of their numbers from 1."""
    notes = [row["note"] for row in (*table["rows"], *table["classifiers"]) if row["note"]]
    return list(dict.fromkeys(notes))


def benchmark_markdown(table: dict[str, Any]) -> str:
    """The whole table as Markdown."""
    parts = [main_sheet(table).markdown(), legend(table) + "\n"]
    if table["pairs"]:
        parts.append("".join(f"- {line}\n" for line in pair_lines(table)))
    parts += [wide_head_sheet(table).markdown(), classifier_sheet(table).markdown()]
    parts.append("".join(f"{number}. {note}\n" for number, note in enumerate(footnotes(table), 1)))
    parts.append(machine_line(table) + "\n")
    return "\n".join(parts)


def _cost_row(row: dict[str, Any], notes: Sequence[str]) -> tuple[str, ...]:
    published = row["published"]
    parameters = "not published"
    if published["parameters"] is not None:
        parameters = f"{published['parameters'] / 1e6:.2f}M, {row['parameters_ratio']:.4f}"
    madds = f"{published['madds'] / 1e9:g}B{_mark(row, notes)}, {row['madds_ratio']:.4f}"
    return (
        *switches(row),
        f"{millions(row['parameters'])} ({parameters})",
        f"{billions(row['madds_tensorflow'])} ({madds})",
        billions(row["madds_exact"]),
    )


def _costs(row: dict[str, Any]) -> tuple[str, ...]:
    return millions(row["parameters"]), billions(row["madds_tensorflow"]), billions(row["madds_exact"])


def _measured(measured: dict[str, Any] | None) -> str:
    if measured is None or measured["miou"] is None:
        return UNVERIFIED
    return percent(measured["miou"], measured["miou_interval"])


def _mark(row: dict[str, Any], notes: Sequence[str]) -> str:
    return f" [{notes.index(row['note']) + 1}]" if row["note"] else ""
