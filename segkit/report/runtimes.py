"""What runtimes make of networks, in words and numbers: for the terminal, for Markdown, and as a page."""

from pathlib import Path
from typing import Any

from segkit.report.charts import Point, scatter
from segkit.report.html import write_page
from segkit.report.numbers import difference, latency, megabytes, percent, ratio, share
from segkit.report.sheet import Part, Sheet, bullets, machine_line, markdown, training

HEADING = "Runtimes beside each other"
NOT_SCORED = "not scored"


def runtime_text(table: dict[str, Any]) -> list[Part]:
    """All of `segkit.benchmark.runtimes.runtime_table`."""
    rows = table["runtimes"]
    is_timed = any(row["speeds"] for row in rows)
    parts: list[Part] = []
    if any(row["measured"] for row in rows):
        parts += [scores_sheet(table), _scored_on(rows)]
    if is_timed:
        parts += [speeds_sheet(table), _timed(table)]
    if lines := [f"{row['name']}: {training(row['measured']['protocol'])}" for row in rows if row["measured"]]:
        parts.append(bullets(lines))
    if not is_timed:
        parts.append(Sheet(("file", "MB"), tuple((row["name"], megabytes(row["bytes"])) for row in rows)))
    return [*parts, machine_line(table)]


def runtime_markdown(table: dict[str, Any]) -> str:
    """The same as a Markdown page, with the command that writes it, and its commit where that is known."""
    machine = table["machine"]
    at = f"At commit {machine['commit']}:" if "commit" in machine else "By:"
    parts = [
        part if isinstance(part, str) else f"<!-- written by the command above -->\n{part.markdown()}".rstrip()
        for part in runtime_text(table)
    ]
    return markdown([f"# {HEADING}", at, f"```\n{machine['command']}\n```", *parts])


def scores_sheet(table: dict[str, Any]) -> Sheet:
    """What each row scores, beside the first."""
    rows = []
    for row in table["runtimes"]:
        found, apart = row["measured"], row["difference"]
        rows.append(
            (
                row["name"],
                NOT_SCORED if found is None else share(found["miou"], found["miou_interval"]),
                "-" if apart is None else difference(apart),
                "-" if row["pixels"] is None else agreement(row),
            )
        )
    return Sheet(("runtime: file", "mIoU %", "to the first, points", "pixels as the first"), tuple(rows))


def speeds_sheet(table: dict[str, Any]) -> Sheet:
    """How quick each row is at each number of threads, and what it takes."""
    threads = [speed["threads"] for speed in table["runtimes"][0]["speeds"]]
    columns = [f"{count} thread{'s' * (count > 1)}, labels" for count in threads]
    rows = []
    for row in table["runtimes"]:
        times = [f"{latency(speed['seconds'])} ({ratio(speed['ratio'])})" for speed in row["speeds"]]
        one = row["speeds"][0]
        memory = "not told" if one["memory"] is None else megabytes(one["memory"])
        rows.append((row["name"], *times, latency(one["load"]), memory, megabytes(row["bytes"])))
    return Sheet(("runtime: file", *columns, "load", "memory, MB", "file, MB"), tuple(rows))


def agreement(row: dict[str, Any]) -> str:
    """The share of pixels that a row and the first give one class, and the pixels that differ."""
    return f"{percent(1 - row['differ'] / row['pixels'], 4)} % ({row['differ']:,} differ)"


def _scored_on(rows: list[dict[str, Any]]) -> str:
    protocol = next(row["measured"]["protocol"] for row in rows if row["measured"])
    pixels = next((row["pixels"] for row in rows if row["pixels"]), None)
    all_pixels = f", {pixels:,} pixels with those without a label" if pixels else ""
    return (
        f"mIoU on {protocol['pictures']:,} pictures of {protocol.get('data', 'the data')} {protocol.get('split', '')}"
        f"{all_pixels}; differences with their paired 95 % intervals."
    )


def _timed(table: dict[str, Any]) -> str:
    height, width = table["size"]
    sizes = {row["name"]: row["speeds"][0]["size"] for row in table["runtimes"] if row["speeds"]}
    parts = [f"{name} {size[1]}x{size[0]}" for name, size in sizes.items() if [*size] != [height, width]]
    return (
        f"Median time from a picture of {width}x{height} to its labels, each in a process of its own, taking turns, "
        "and its ratio to the first; the time to load the file with one thread; the memory that loading and one "
        "picture take at most beyond Python's and torch's."
        + (f" Of the picture only the part that their one size takes: {', '.join(parts)}." if parts else "")
    )


def write_runtime_page(path: Path | str, table: dict[str, Any]) -> None:
    """Write the page of the same data, as one file. Raises OutputError where the file cannot be written."""
    points = [
        Point(
            number, row["name"], row["speeds"][0]["seconds"], row["measured"]["miou"], row["measured"]["miou_interval"]
        )
        for number, row in enumerate(table["runtimes"], 1)
        if row["measured"] and row["measured"]["miou"] is not None and row["speeds"]
    ]
    write_page(
        path,
        "runtimes.html.j2",
        title=HEADING,
        table=table,
        not_scored=NOT_SCORED,
        scored_on=_scored_on(table["runtimes"]) if any(row["measured"] for row in table["runtimes"]) else "",
        timed=_timed(table),
        chart=scatter(
            points,
            label="mIoU against the time of a picture with one thread",
            x_label="seconds of a picture, one thread",
            x_format=latency,
        )
        if points
        else "",
        data={},
    )
