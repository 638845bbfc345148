"""`segkit data import`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from segkit.base.errors import ConfigError
from segkit.cli.app import data_app
from segkit.cli.options import JsonFile
from segkit.cli.report import make_ready, picture_progress, show, write_json
from segkit.cli.say import say
from segkit.report.numbers import percent
from segkit.report.sheet import Sheet

_SHOWN = 5


@data_app.command("import", epilog="Example: segkit data import photos/ my_data")
def import_(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC OUT", help="The folder of the export, or its one annotation file, and the folder to make."
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="cityscapes, coco, coco-panoptic, cvat, isat, label-studio, labelme, masks, roboflow, supervisely, "
            "via or yolo; also before SRC [default: what its files tell].",
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            help="The folder of the pictures, if they are not in SRC; with --masks a pattern for them, such as "
            "'img_dir/{split}/{name}.jpg'."
        ),
    ] = None,
    masks: Annotated[
        str | None, typer.Option(help="A pattern for plain masks, such as 'ann_dir/{split}/{name}_mask.png'.")
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(help="masks: a CSV or YAML table, a value or colour and a name a row; labelme: names."),
    ] = None,
    boxes: Annotated[
        str, typer.Option(help="refuse: a picture with an object that is a box is left out; fill: boxes are objects.")
    ] = "refuse",
    order: Annotated[
        str | None,
        typer.Option(
            help="What lies on top: file (later over earlier), area (smaller over larger), class (later over earlier). "
            "Without it, as the format has it."
        ),
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(help="Pixels of no object, or of no row of the table: background (a class) or ignore."),
    ] = None,
    stretch: Annotated[
        bool, typer.Option("--stretch", help="Stretch pictures of 16 bits to 8 by percentiles of the whole set.")
    ] = False,
    link: Annotated[bool, typer.Option("--link", help="Link the pictures instead of copying them.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Convert another tool's annotations into a folder that `segkit train OUT/data.yaml` trains on.

    Run again it changes nothing; where the export has changed it says so.
    """
    from segkit.data.importers.importing import import_data
    from segkit.data.importers.rules import Rules

    kind, src, out = _places(places, kind)
    rules = Rules(boxes=boxes, order=order, unlabelled=unlabelled, stretch=stretch)
    make_ready(json_file, holds=("classes", "splits"))
    with picture_progress("pictures") as progress:
        report = import_data(
            kind,
            src,
            out,
            images=images,
            masks=masks,
            classes=classes,
            link=link,
            rules=rules,
            progress=progress,
        )
    write_json(json_file, report)
    _show(report, out)


def _places(places: list[str], kind: str | None) -> tuple[str | None, Path, Path]:
    """Format, source and target, of SRC OUT or FORMAT SRC OUT. Raises ConfigError for anything else."""
    if len(places) == 3 and kind is None:
        kind, *places = places
    if len(places) != 2:
        raise ConfigError(
            f"{' '.join(places)}: give the folder of the export and the folder to make, and its form with --format"
        )
    return kind, Path(places[0]), Path(places[1])


def _show(report: dict[str, Any], out: Path) -> None:
    shares = report["classes"] | ({"(not labelled)": report["not_labelled"]} if report["not_labelled"] else {})
    show([Sheet(("class", "pixels %"), tuple((name, percent(share)) for name, share in shares.items()))])
    for sentence in report["said"]:
        say(sentence)
    _show_left_out("not imported", "picture", report["skipped"])
    _show_left_out("imported without", "object", report["notes"])
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


def _show_left_out(what: str, one: str, entries: list[dict[str, str]]) -> None:
    """How many, by reason, with the first files of each."""
    from segkit.data.importers.export import Skipped, by_reason

    for reason, files in by_reason(Skipped(**entry) for entry in entries).items():
        different = list(dict.fromkeys(files))
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        count = f"{len(files)} {one}{'' if len(files) == 1 else 's'}"
        say(f"{what}: {count} ({', '.join(different[:_SHOWN])}{more}): {reason}")
