"""`segkit compare`."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from segkit.cli.app import app
from segkit.cli.options import percent, percent_interval

if TYPE_CHECKING:
    from segkit.evaluation.compare import Difference


@app.command(epilog="Example: segkit compare os16.json os8.json --pictures 5")
def compare(
    first: Annotated[Path, typer.Argument(metavar="A.json", help="An evaluation, from `segkit evaluate --json`.")],
    second: Annotated[Path, typer.Argument(metavar="B.json", help="Another of the same pictures.")],
    pictures: Annotated[int, typer.Option(min=0, help="How many of the pictures that changed most to list.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the comparison to this file.")] = None,
) -> None:
    """Tell what one evaluation changed from another, and whether the pictures show it (paired 95 % intervals)."""
    from segkit.base.files import make_folder, write_atomically
    from segkit.evaluation.compare import compare as run
    from segkit.evaluation.result import read_evaluation

    a, b = read_evaluation(first), read_evaluation(second)
    found = run(a, b)
    console = Console()
    table = Table("", "A %", "B %", "B - A", "95 % interval", "", box=None)
    for name, difference in found.iou.items():
        table.add_row(name, *_figures(difference))
    table.add_row("mIoU", *_figures(found.miou), style="bold")
    for column in table.columns[1:4]:
        column.justify = "right"
    console.print(table)
    if pictures:
        changed = Table(f"the pictures that changed most, of {len(a.pictures)}", "A %", "B %", "B - A", box=None)
        for picture in found.pictures[:pictures]:
            changed.add_row(picture.name, *map(percent, (picture.a, picture.b)), _points(picture.b - picture.a))
        for column in changed.columns[1:]:
            column.justify = "right"
        console.print()
        console.print(changed)
    verdict = "B is better" if found.miou.change > 0 else "B is worse"
    if not found.miou.shown:
        verdict = "these pictures show no difference"
    print(f"\nmIoU {_points(found.miou.change)} points {percent_interval(found.miou.interval, signed=True)}: {verdict}")
    if json_file is not None:
        make_folder(json_file.parent)
        write_atomically(json_file, json.dumps(found.to_json()) + "\n")


def _figures(difference: "Difference") -> tuple[str, ...]:
    sure = percent_interval(difference.interval, signed=True)
    mark = "" if difference.shown or not sure else "holds 0"
    return percent(difference.a), percent(difference.b), _points(difference.change), sure, mark


def _points(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{100 * value:+.2f}"
