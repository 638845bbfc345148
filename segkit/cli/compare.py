"""`segkit compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.cli.app import app
from segkit.cli.options import JsonFile
from segkit.cli.report import make_ready, show, write_json
from segkit.report.numbers import interval, percent, points, rare
from segkit.report.sheet import Part, Sheet

if TYPE_CHECKING:
    from segkit.evaluation.compare import Comparison, Difference


@app.command(epilog="Example: segkit compare os16.json os8.json --pictures 5")
def compare(
    first: Annotated[Path, typer.Argument(metavar="A.json", help="An evaluation, from `segkit evaluate --json`.")],
    second: Annotated[Path, typer.Argument(metavar="B.json", help="Another of the same pictures.")],
    pictures: Annotated[int, typer.Option(min=0, help="How many of the pictures that changed most to list.")] = 10,
    json_file: JsonFile = None,
) -> None:
    """Tell what one evaluation changed from another, and whether the pictures show it (paired 95 % intervals)."""
    from segkit.evaluation.compare import compare as run
    from segkit.evaluation.result import read_evaluation

    make_ready(json_file, holds=("miou", "iou", "pictures"))
    found = run(read_evaluation(first), read_evaluation(second))
    show(_text(found, pictures))
    write_json(json_file, found.to_json())


def _text(found: "Comparison", pictures: int) -> list[Part]:
    rows = [_row(name, difference) for name, difference in (*found.iou.items(), ("mIoU", found.miou))]
    parts: list[Part] = [Sheet(("", "A %", "B %", "B - A", "95 % interval", ""), tuple(rows))]
    if pictures:
        header = (f"the pictures that changed most, of {len(found.pictures)}", "A %", "B %", "B - A")
        changed = ((each.name, percent(each.a), percent(each.b), points(each.b - each.a)) for each in found.pictures)
        parts.append(Sheet(header, tuple(changed)[:pictures]))
    verdict = "B is better" if found.miou.change > 0 else "B is worse"
    if not found.miou.shown:
        verdict = "these pictures show no difference"
    sure = interval(found.miou.interval, points)
    if found.rare_classes:
        parts.append(rare(found.rare_classes))
    return [*parts, f"mIoU {points(found.miou.change)} points {sure}: {verdict}"]


def _row(name: str, difference: "Difference") -> tuple[str, ...]:
    sure = interval(difference.interval, points)
    mark = "" if difference.shown or not sure else "holds 0"
    return name, percent(difference.a), percent(difference.b), points(difference.change), sure, mark
