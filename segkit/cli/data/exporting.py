"""`segkit data export`."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.base.errors import ConfigError, DataError
from segkit.cli.app import data_app
from segkit.cli.report import picture_progress, show
from segkit.cli.say import note, say
from segkit.report.sheet import Sheet

if TYPE_CHECKING:
    from segkit.data.exporters.exporting import Labelled

_PREDICTIONS = "predictions.jsonl"  # as `segkit predict` calls it
_RECIPE = "data.yaml"  # as `segkit data import` calls it


@data_app.command("export", epilog="Example: segkit data export predicted/ to_correct/ --format labelme")
def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="MASKS", help="What `segkit predict --out` made, a folder with a data.yaml, or a recipe."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder that is new or empty.")],
    form: Annotated[str, typer.Option("--format", help="coco, cvat, label-studio or labelme.")],
    splits: Annotated[
        list[str] | None,
        typer.Option("--split", help="Of a recipe; repeatable [default: those to train and validate on]."),
    ] = None,
) -> None:
    """Write label maps as annotations that a labelling tool opens: predict, correct in the tool, import, train."""
    from segkit.data.exporters.exporting import FORMS, export_data

    if form not in FORMS:
        raise ConfigError(f"--format {form}: choose {', '.join(FORMS)}")
    if (source / _PREDICTIONS).is_file():
        if splits:
            raise ConfigError("--split: predictions have none: leave it out")
        pictures, classes = _predicted(source)
    else:
        pictures, classes = _of_recipe(source, splits)
    with picture_progress("pictures") as progress:
        found = export_data(form, pictures, classes, out, progress=progress)
    show([Sheet(("class", "objects"), tuple((name, f"{count:,}") for name, count in found.objects.items()))])
    if found.open_pixels:
        note(f"{found.open_pixels:,} pixels that are not labelled become background, as the tool knows nothing else")
    say(f"{found.pictures:,} pictures and their annotations in {out}")
    say(f"next            correct them in the tool, export from it, and segkit data import {form} EXPORT FOLDER")


def _predicted(folder: Path) -> tuple[list["Labelled"], tuple[str, ...]]:
    """What `segkit predict` made in a folder, and the classes. Raises DataError where they are not told, or not one."""
    from segkit.base.jsonl import read_records
    from segkit.base.label_files import read_label
    from segkit.data.exporters.exporting import Labelled

    records = {str(record.get("name")): record for record in read_records(folder / _PREDICTIONS)[0]}
    classes = {tuple(map(str, record.get("classes") or ())) for record in records.values()}
    if len(classes) != 1 or classes == {()}:
        raise DataError(
            f"{folder / _PREDICTIONS} does not tell one list of classes for all: predict again into a new --out"
        )
    found = []
    for name, record in records.items():
        picture, label = Path(str(record.get("picture"))), folder / "labels" / f"{name}.png"
        if not os.path.isfile(picture):  # which a name that is too long is not, either
            raise DataError(f"{picture} is not there any more, of which {label} was predicted: put it back")
        found.append(Labelled(name, picture, partial(read_label, label)))
    return found, classes.pop()


def _of_recipe(source: Path, splits: list[str] | None) -> tuple[list["Labelled"], tuple[str, ...]]:
    from segkit.data.exporters.exporting import Labelled
    from segkit.recipe.build import open_files
    from segkit.recipe.config import FolderConfig, VocConfig
    from segkit.recipe.reading import load_config

    if source.is_dir() and not (source / _RECIPE).is_file():
        raise DataError(
            f"{source} holds neither {_PREDICTIONS} nor {_RECIPE}: give the --out of `segkit predict`, or a recipe "
            "that tells the classes of the label maps"
        )
    data = load_config(source / _RECIPE if source.is_dir() else source, tell=note).needed_data
    if not isinstance(data, VocConfig | FolderConfig):
        raise ConfigError(f"{source}: its pictures are drawn on the fly: there is nothing to export")
    found: dict[str, Labelled] = {}
    for split in dict.fromkeys(splits or (data.train_split, data.val_split)):
        pairs = open_files(data, split)
        for index, name in enumerate(pairs.ids):
            found[name] = Labelled(name, pairs.pictures[index], partial(pairs.label, index))
    return list(found.values()), tuple(pairs.classes)
