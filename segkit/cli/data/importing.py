"""`segkit data import`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from segkit.cli.app import data_app
from segkit.cli.options import JsonFile
from segkit.cli.report import make_ready, picture_progress, show, write_json
from segkit.cli.say import say
from segkit.report.numbers import percent
from segkit.report.sheet import Sheet

_SHOWN = 5


@data_app.command("import", epilog="Example: segkit data import labelme photos/ my_data")
def import_(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help="coco, cvat, label-studio, labelme, masks, roboflow, supervisely or yolo."
        ),
    ],
    src: Annotated[Path, typer.Argument(metavar="SRC", help="The folder of the export, or its one annotation file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make.")],
    images: Annotated[Path | None, typer.Option(help="The folder of the pictures, if they are not in SRC.")] = None,
    classes: Annotated[
        Path | None, typer.Option(help="masks: a CSV or YAML table, a value or colour and a name a row.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Link the pictures instead of copying them.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Convert another tool's annotations into a folder that `segkit train OUT/data.yaml` trains on.

    Run again it changes nothing; where the export has changed it says so.
    """
    from segkit.data.importers.importing import import_data

    make_ready(json_file, holds=("classes", "splits"))
    with picture_progress("pictures") as progress:
        report = import_data(kind, src, out, images=images, classes=classes, link=link, progress=progress)
    write_json(json_file, report)
    _show(report, out)


def _show(report: dict[str, Any], out: Path) -> None:
    shares = report["classes"] | ({"(not labelled)": report["not_labelled"]} if report["not_labelled"] else {})
    show([Sheet(("class", "pixels %"), tuple((name, percent(share)) for name, share in shares.items()))])
    _show_left_out("not imported", report["skipped"])
    _show_left_out("imported without", report["notes"])
    counts = ", ".join(f"{count} in {split}.txt" for split, count in report["splits"].items())
    count = len(report["pictures"])
    if report["new"]:
        say(f"{count} pictures imported: {counts}")
    else:
        say(f"{count} pictures are there already, from the same files: nothing was changed")
    if report["new"] and report["split_by_chance"]:
        say(f"the split is by chance; frames of one video belong together: segkit data split {out} --group PATTERN")
    say(f"next            segkit data check {out / 'data.yaml'}")
    say(f"                segkit train {out / 'data.yaml'} --out runs/{out.resolve().name}")


def _show_left_out(what: str, entries: list[dict[str, str]]) -> None:
    """By reason, with the first files of each."""
    by_reason: dict[str, list[str]] = {}
    for entry in entries:
        by_reason.setdefault(entry["reason"], []).append(entry["file"])
    for reason, files in by_reason.items():
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        say(f"{what}: {', '.join(files[:_SHOWN])}{more}: {reason}")
