"""The tables of results, written from what is kept, so that no figure is typed twice.

    python -m tools.results [--check]
    python -m tools.results --keep FILE.json NAME
    python -m tools.results --measure

They stand in README.md, docs/reproduce.md and docs/results. docs/results/evaluations holds evaluations with the counts
of each picture (`segkit evaluate --json`), from which every
figure, interval and verdict is computed again; docs/results/table/latencies.json the latencies of one machine, as
`segkit benchmark` leaves them. What stands between the lines `<!-- results: BLOCK -->` and `<!-- end of results -->` is
written; --check writes nothing and fails where something else stands there, or where another table of a page of results
is not marked as `<!-- typed: from WHERE -->`, or as `<!-- written by WHAT -->`, on the line before it. --keep puts an
evaluation among the kept ones, without the folders of the machine that it was made on. --measure makes what is of one
machine again, on which nothing else runs: the latencies of the table and docs/results/speed.json
(`tools.compare_peers`).
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import torch

from segkit.base.errors import SegkitError
from segkit.base.files import read_plain, write_atomically, write_plain
from segkit.benchmark.cells import Cell
from segkit.benchmark.kept import PEER, read_kept
from segkit.benchmark.latency import Latency, measure_latencies
from segkit.benchmark.published import ROWS
from segkit.benchmark.table import benchmark_table
from segkit.evaluation.result import read_evaluation
from segkit.report.benchmark import UNVERIFIED, benchmark_text
from segkit.report.benchmark_page import write_benchmark_page
from segkit.report.numbers import billions, millions, percent, points, share
from segkit.report.sheet import SWITCHES, Sheet, full_name, iterations_told, markdown, switches
from segkit.weights.lineage import teacher_name
from tools.compare_peers import mf_madds

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 150_000
"""Of a kept evaluation."""
_BLOCK = re.compile(r"(<!-- results: ([\w-]+) -->\n).*?(<!-- end of results -->\n)", re.DOTALL)
_MARKS = ("<!-- typed: ", "<!-- written by ")


def read_table(results: Path) -> dict[str, Any]:
    """The table of the paper with the evaluations and latencies that are kept in the folder docs/results.

    Evaluations that are called otherwise than a row of it are beside it.
    """
    cells = {cell.name: cell for cell in (Cell(row.network, row.setting) for row in ROWS)}
    kept = {path.name.removesuffix(".json.gz"): path for path in sorted((results / "evaluations").glob("*.json.gz"))}
    rows, others = read_kept([str(path) if name in cells else f"{PEER}{name}={path}" for name, path in kept.items()])
    stored = json.loads(read_plain(results / "table" / "latencies.json"))
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
                    _source(found["protocol"]),
                    *_measured(found),
                    percent(found["pixel_accuracy"]),
                    found["protocol"].get("precision", "label maps"),
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


def rows_block(table: dict[str, Any]) -> str:
    """The rows with what to give to `segkit evaluate`, in the columns of the page that says how they are repeated."""
    header = (*SWITCHES, "options", "expected mIoU", "measured mIoU", "difference", "verdict", "weights")
    rows = []
    for row in table["rows"]:
        found = row["measured"]
        weights = f"`{_source(found['protocol'])}`" if found else "-"
        options = f"`--os {row['output_stride']}{' --mf' if row['mf'] else ''}`"
        rows.append((*switches(row), options, percent(row["published"]["miou"]), *_measured(found), weights))
    return Sheet(header, tuple(rows), len(SWITCHES) + 1).markdown()


def _source(protocol: dict[str, Any]) -> str:
    """The file of the weights that were measured, or the folder of the label maps."""
    return PurePath(str(protocol.get("weights") or protocol.get("predictions"))).name


BLOCKS: dict[str, Callable[[dict[str, Any]], str]] = {
    "paper": paper_block,
    "readme": readme_block,
    "kept": kept_block,
    "rows": rows_block,
}


def speed_block(found: dict[str, Any]) -> str:
    """The ratios of `tools/compare_peers.py --json`, with what measured them."""
    seconds, machine = found["seconds"], found["machine"]
    smp = "`segmentation_models_pytorch`, DeepLabV3 `mobilenet_v2`, OS 16, at 512"
    pairs = (
        ("one pass at 513x513, batch 1: MobileNetV2, OS 16, without ASPP", "forward segkit", "forward smp", smp),
        ("the same with ASPP", "forward segkit ASPP", "forward smp", "the same"),
        ("without ASPP", "forward segkit", "forward smp channels last", "that network in channels last by hand"),
        ("with ASPP", "forward segkit ASPP", "forward smp channels last", "the same"),
        (
            "a training step, batch 8 at 321: MobileNetV2 without ASPP",
            "training segkit",
            "training plain",
            "a plain loop on the same network",
        ),
    )
    rows = [
        (what, f"{seconds[ours]:.3f} s", f"{seconds[peer]:.3f} s: {beside}", f"{seconds[peer] / seconds[ours]:.1f}")
        for what, ours, peer, beside in pairs
    ]
    due = seconds["mf single"] * mf_madds()
    told = f"{seconds['mf single']:.3f} s a single pass, times the ratio of their multiply-adds: {due:.2f} s"
    what = "MF at OS 8, 12 passes, without ASPP: time over what the multiply-adds predict"
    rows.append((what, f"{seconds['mf MF']:.3f} s", told, f"{seconds['mf MF'] / due:.2f}"))
    by = (
        f"{machine['threads']} threads of {machine['cores']} cores, {machine['instructions']}, torch {machine['torch']}"
    )
    line = f"Commit {machine['commit']}: {machine['processor']}, {by}; medians of {found['rounds']} rounds.\n"
    return Sheet(("what", "segkit", "beside it", "ratio"), tuple(rows), 3).markdown() + "\n" + line


def written(text: str, table: dict[str, Any], speed: dict[str, Any]) -> str:
    """A page with its blocks as they have to be. Raises KeyError for a block that there is not."""
    blocks = {name: partial(block, table) for name, block in BLOCKS.items()} | {"speed": partial(speed_block, speed)}
    return _BLOCK.sub(lambda block: f"{block[1]}\n{blocks[block[2]]()}\n{block[3]}", text)


def unmarked_tables(text: str) -> list[str]:
    """The first lines of tables that are neither in a block nor marked as typed, or as written by another command."""
    lines = _BLOCK.sub("", text).split("\n")
    return [
        line
        for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False)
        if line.startswith("| ") and after.startswith("|--") | after.startswith("| --")
        if not before.startswith(_MARKS)
    ]


def keep(source: Path, target: Path) -> None:
    """Put an evaluation among the kept ones. Raises SegkitError where it is none or too large."""
    evaluation = read_evaluation(source)
    stored = evaluation.to_json() | {"protocol": {**evaluation.protocol}, "machine": {**evaluation.machine}}
    protocol = stored["protocol"]
    for named in {"weights", "predictions"} & protocol.keys():
        protocol[named] = PurePath(str(protocol[named])).name
    if "taught_by" in protocol:
        protocol["taught_by"] = teacher_name(protocol["taught_by"])
    if command := stored["machine"].get("command"):
        stored["machine"]["command"] = re.sub(r"(?<![\w.])/[^\s=]*/", "", str(command))
    write_plain(target, json.dumps(stored, separators=(",", ":")) + "\n")
    if (size := target.stat().st_size) > MOST_BYTES:
        target.unlink()
        raise SegkitError(f"{source}: has {size:,} bytes compressed, more than {MOST_BYTES:,}: keep it elsewhere")


def measure_machine(results: Path) -> None:
    """Measure the latencies of the table, and the speed beside other code, on this machine and commit.

    What is kept is replaced when all is measured: before, the checkout would be told to be another than its commit.
    """
    with TemporaryDirectory() as folder:
        latencies, speed = Path(folder) / "latencies.json", Path(folder) / "speed.json"
        measure_latencies(
            torch.device("cpu"), latencies, tell=lambda cell, found: print(f"{cell.name}: {found.seconds:.3f} s")
        )
        subprocess.run([sys.executable, "-m", "tools.compare_peers", "--json", str(speed)], check=True, cwd=ROOT)
        write_atomically(results / "table" / "latencies.json", latencies.read_text(encoding="utf-8"))
        write_atomically(results / "speed.json", speed.read_text(encoding="utf-8"))


def main() -> None:
    """Write or check the pages, or keep an evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where something is to be written")
    parser.add_argument("--keep", nargs=2, metavar=("FILE", "NAME"), help="keep an evaluation as NAME.json.gz")
    parser.add_argument("--measure", action="store_true", help="measure this machine first, which takes half an hour")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the checkout")
    arguments = parser.parse_args()
    results = arguments.root / "docs" / "results"
    if arguments.keep:
        keep(Path(arguments.keep[0]), results / "evaluations" / f"{arguments.keep[1]}.json.gz")
    if arguments.measure:
        measure_machine(results)
    table, speed = read_table(results), json.loads(read_plain(results / "speed.json"))
    problems = []
    pages = [arguments.root / "README.md", arguments.root / "docs" / "reproduce.md", *sorted(results.glob("*.md"))]
    for page in filter(Path.is_file, pages):
        text = page.read_text(encoding="utf-8")
        now = written(text, table, speed)
        problems += [
            f"{page}: this table is in no block and not marked as typed: {line}" for line in unmarked_tables(text)
        ]
        if now != text and arguments.check:
            problems.append(f"{page}: is not what the kept evaluations give: run python -m tools.results")
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
