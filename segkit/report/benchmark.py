"""The table of the MobileNetV2 paper in words and numbers, for the terminal and for Markdown."""

from collections.abc import Sequence
from typing import Any

from segkit.report.numbers import billions, difference, latency, millions, percent, points, share
from segkit.report.sheet import (
    SWITCHES,
    Part,
    Sheet,
    bullets,
    claim_line,
    machine_line,
    network_title,
    numbered,
    precision_line,
    setting,
    switches,
    training_lines,
)

UNVERIFIED = "unverified"
"""What stands in place of a figure that was not measured: never the published one, never nothing."""


def benchmark_text(table: dict[str, Any], *, narrow: bool = False) -> list[Part]:
    """All of `segkit.benchmark.table.benchmark_table`; for a `narrow` terminal the main table is cut into two."""
    main = main_sheet(table)
    halves = [main.only(0, 1, 2, 3, 4, 5, 6, 7), main.only(0, 1, 2, 3, 8, 9, 10, 11)]
    parts: list[Part] = list(halves) if narrow else [main]
    costs = "MAdds in TensorFlow's accounting, exact beside it; in brackets (published, ratio)."
    parts.append(f"{costs} mIoU with its 95 % interval; the verdict tells where the published is.{precisions(table)}")
    if table["others"]:
        parts.append(others_sheet(table))
    if lines := list(training_lines([*table["rows"], *table["others"]])):
        parts.append(bullets(lines))
    if table["pairs"]:
        parts.append(bullets(map(_pair_line, table["pairs"])))
    notes = numbered(footnotes(table))
    parts += [wide_head_sheet(table), classifier_sheet(table), notes]
    if table["claims"]:
        parts.append("What the table is quoted for:")
        parts.append(numbered(map(claim_line, table["claims"])))
    return [*parts, machine_line(table)]


def main_sheet(table: dict[str, Any]) -> Sheet:
    """The rows with all that is known of each.

    In brackets what is published, with the number of its footnote, and the ratio of the two.
    """
    header = (
        *SWITCHES,
        "mIoU published",
        "mIoU measured",
        "difference",
        "verdict",
        "params",
        "MAdds",
        "exact",
        "latency",
    )
    notes = footnotes(table)
    return Sheet(header, tuple(_row(row, notes) for row in table["rows"]), len(SWITCHES))


def others_sheet(table: dict[str, Any]) -> Sheet:
    """The networks that the table has not."""
    rows = (
        (
            row["title"],
            setting(row),
            share(row["measured"]["miou"], row["measured"]["miou_interval"]),
        )
        for row in table["others"]
    )
    return Sheet(("other networks", "setting", "mIoU measured"), tuple(rows), 2)


def wide_head_sheet(table: dict[str, Any]) -> Sheet:
    """What MobileNetV2 would cost with its head on the 1280-channel map."""
    rows = (
        (
            *switches(row),
            millions(row["parameters"]),
            billions(row["madds_tensorflow"]),
            billions(row["madds_exact"]),
        )
        for row in table["wide_head"]
    )
    return Sheet((*SWITCHES, "params", "MAdds", "exact"), tuple(rows), len(SWITCHES))


def classifier_sheet(table: dict[str, Any]) -> Sheet:
    """The classifiers at 224x224."""
    notes = footnotes(table)
    rows = []
    for row in table["classifiers"]:
        published = row["published"]
        rows.append(
            (
                row["title"],
                f"{percent(published['top1'], 1)} / {percent(published['top5'], 1)}",
                f"{published['madds'] / 1e6:.0f}M",
                f"{row['madds_exact'] / 1e6:.1f}M",
                f"{published['parameters'] / 1e6:.2f}M{_mark(row, notes)}",
                millions(row["parameters"]),
            )
        )
    measures = ("top-1 / top-5 published", "MAdds published", "MAdds", "params published", "params")
    return Sheet(("classifier, 224x224", *measures), tuple(rows))


def precisions(table: dict[str, Any]) -> str:
    """`precision_line` of the rows that were measured."""
    return precision_line(row["measured"] for row in (*table["rows"], *table["others"]) if row["measured"])


def footnotes(table: dict[str, Any]) -> list[str]:
    """The footnotes, in the order of their numbers from 1."""
    notes = [row["note"] for row in (*table["rows"], *table["classifiers"]) if row["note"]]
    return list(dict.fromkeys(notes))


def _row(row: dict[str, Any], notes: Sequence[str]) -> tuple[str, ...]:
    published, measured, timed = row["published"], row["measured"], row["latency"]
    miou, verdict = UNVERIFIED, ("-", "-")
    if measured is not None and measured["miou"] is not None:
        miou = share(measured["miou"], measured["miou_interval"])
        compared = measured["difference"] is not None
        verdict = points(measured["difference"]) if compared else "-", measured["verdict"]
    parameters = "not published"
    if published["parameters"] is not None:
        parameters = f"{published['parameters'] / 1e6:.2f}M, {row['parameters_ratio']:.4f}"
    madds = f"{published['madds'] / 1e9:g}B{_mark(row, notes)}, {row['madds_ratio']:.4f}"
    return (
        *switches(row),
        percent(published["miou"]),
        miou,
        *verdict,
        f"{millions(row['parameters'])} ({parameters})",
        f"{billions(row['madds_tensorflow'])} ({madds})",
        billions(row["madds_exact"]),
        "not measured" if timed is None else latency(timed["seconds"]),
    )


def _pair_line(pair: dict[str, Any]) -> str:
    """What OS 8 with MF changes from OS 16 without, for a network of which both were measured."""
    shown = "" if pair["miou"]["shown"] else ": holds 0, no difference is shown"
    return f"{network_title(pair)}, OS 8 MF against OS 16: {difference(pair['miou'])} points{shown}"


def _mark(row: dict[str, Any], notes: Sequence[str]) -> str:
    return f" [{notes.index(row['note']) + 1}]" if row["note"] else ""
