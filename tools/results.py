"""The tables of results in README.md and docs/results, written from what is kept, so that no figure is typed twice.

    python tools/results.py [--check]
    python tools/results.py --keep FILE.json NAME

docs/results/evaluations holds evaluations with the counts of each picture (`segkit evaluate --json`), from which every
figure, interval and verdict is computed again; docs/results/table/latencies.json the latencies of one machine, as
`segkit benchmark` leaves them. What stands between the lines `<!-- results: BLOCK -->` and `<!-- end of results -->` is
written; --check writes nothing and fails where something else stands there, or where another table of a page of results
is not marked as `<!-- typed: from WHERE -->` on the line before it. --keep puts an evaluation among the kept ones, without
the folders of the machine that it was made on.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from segkit.base.errors import SegkitError
from segkit.base.files import read_plain, write_plain
from segkit.benchmark.cells import Cell
from segkit.benchmark.kept import read_kept
from segkit.benchmark.latency import Latency
from segkit.benchmark.published import ROWS
from segkit.benchmark.table import benchmark_table
from segkit.evaluation.result import read_evaluation
from segkit.report.benchmark import UNVERIFIED, benchmark_text
from segkit.report.benchmark_page import write_benchmark_page
from segkit.report.numbers import billions, millions, percent, points, share
from segkit.report.sheet import SWITCHES, Sheet, full_name, iterations_told, markdown, switches

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 150_000
"""Of a kept evaluation."""
_BLOCK = re.compile(r"(<!-- results: ([\w-]+) -->\n).*?(<!-- end of results -->\n)", re.DOTALL)
_TYPED = "<!-- typed: "


def read_table(results: Path) -> dict[str, Any]:
    """The table of the paper with the evaluations and latencies that are kept in the folder docs/results."""
    rows, others = read_kept([str(path) for path in sorted((results / "evaluations").glob("*.json.gz"))])
    stored = json.loads(read_plain(results / "table" / "latencies.json"))
    cells = {cell.name: cell for cell in (Cell(row.network, row.setting) for row in ROWS)}
    latencies = {cells[name]: Latency(**latency) for name, latency in stored["latencies"].items()}
    return benchmark_table(rows, latencies, others) | {"machine": stored["machine"]}


def paper_block(table: dict[str, Any]) -> str:
    """All of `segkit benchmark`."""
    return markdown(benchmark_text(table))


def readme_block(table: dict[str, Any]) -> str:
    """The rows of the paper in the columns that the first page has."""
    header = (
        *SWITCHES,
        "published mIoU",
        "measured mIoU",
        "difference",
        "verdict",
        "params",
        "MAdds",
        "published MAdds",
    )
    rows = (
        (
            *switches(row),
            percent(row["published"]["miou"]),
            *_measured(row["measured"]),
            millions(row["parameters"]),
            billions(row["madds_tensorflow"]),
            f"{row['published']['madds'] / 1e9:g}B",
        )
        for row in table["rows"]
    )
    return Sheet(header, tuple(rows), len(SWITCHES)).markdown()


def kept_block(table: dict[str, Any]) -> str:
    """Every evaluation that is kept, with what made it."""
    rows = []
    for row in (*table["rows"], *table["others"]):
        if found := row["measured"]:
            rows.append(
                (
                    full_name(row) if "aspp" in row else row["title"],
                    PurePath(found["protocol"]["weights"]).name,
                    *_measured(found),
                    percent(found["pixel_accuracy"]),
                    found["protocol"]["precision"],
                    str(found["machine"].get("commit", "not told")),
                )
            )
    header = ("kept", "weights", "mIoU", "difference", "verdict", "pixel accuracy", "precision", "commit")
    return Sheet(header, tuple(rows), 2).markdown()


def _measured(found: dict[str, Any] | None) -> tuple[str, str, str]:
    """mIoU with its interval and the length of the training where that is told, difference and verdict."""
    if found is None:
        return UNVERIFIED, "-", "-"
    length = iterations_told(found["protocol"])
    compared = found.get("difference") is not None
    miou = share(found["miou"], found["miou_interval"]) + (f", {length}" if length else "")
    return miou, points(found["difference"]) if compared else "-", found.get("verdict", "-")


BLOCKS: dict[str, Callable[[dict[str, Any]], str]] = {
    "paper": paper_block,
    "readme": readme_block,
    "kept": kept_block,
}


def written(text: str, table: dict[str, Any]) -> str:
    """A page with its blocks as they have to be. Raises KeyError for a block that there is not."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block[2]](table)}\n{block[3]}", text)


def unmarked_tables(text: str) -> list[str]:
    """The first lines of tables that are neither in a block nor marked as typed."""
    lines = _BLOCK.sub("", text).split("\n")
    return [
        line
        for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False)
        if line.startswith("| ") and after.startswith("|--") | after.startswith("| --")
        if not before.startswith(_TYPED)
    ]


def keep(source: Path, target: Path) -> None:
    """Put an evaluation among the kept ones. Raises SegkitError where it is none or too large."""
    evaluation = read_evaluation(source)
    stored = evaluation.to_json() | {"protocol": {**evaluation.protocol}, "machine": {**evaluation.machine}}
    stored["protocol"]["weights"] = PurePath(str(stored["protocol"].get("weights"))).name
    if command := stored["machine"].get("command"):
        stored["machine"]["command"] = re.sub(r"(?<![\w.])/[^\s=]*/", "", str(command))
    write_plain(target, json.dumps(stored, separators=(",", ":")) + "\n")
    if (size := target.stat().st_size) > MOST_BYTES:
        target.unlink()
        raise SegkitError(f"{source}: has {size:,} bytes compressed, more than {MOST_BYTES:,}: keep it elsewhere")


def main() -> None:
    """Write or check the pages, or keep an evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where something is to be written")
    parser.add_argument("--keep", nargs=2, metavar=("FILE", "NAME"), help="keep an evaluation as NAME.json.gz")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the checkout")
    arguments = parser.parse_args()
    results = arguments.root / "docs" / "results"
    if arguments.keep:
        keep(Path(arguments.keep[0]), results / "evaluations" / f"{arguments.keep[1]}.json.gz")
    table = read_table(results)
    problems = []
    for page in [arguments.root / "README.md", *sorted(results.glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        now = written(text, table)
        problems += [
            f"{page}: this table is in no block and not marked as typed: {line}" for line in unmarked_tables(text)
        ]
        if now != text and arguments.check:
            problems.append(f"{page}: is not what the kept evaluations give: run python tools/results.py")
        elif now != text:
            write_plain(page, now)
    if not arguments.check:
        write_plain(results / "table" / "table.json", json.dumps(table) + "\n")
        write_benchmark_page(results / "table" / "table.html", table)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    try:
        main()
    except SegkitError as error:
        sys.exit(str(error))
