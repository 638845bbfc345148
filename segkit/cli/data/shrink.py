"""`segkit data shrink`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.base.errors import ConfigError, DataError
from segkit.cli.app import data_app
from segkit.cli.options import JsonFile
from segkit.cli.report import make_ready, picture_progress, write_json
from segkit.cli.say import note, say

if TYPE_CHECKING:
    from segkit.data.shrink import Places, Scale
    from segkit.recipe.config import Config, FolderConfig, VocConfig

_RECIPE = "data.yaml"  # as `segkit data import` calls it


@data_app.command(epilog="Example: segkit data shrink data/VOCdevkit/VOC2012 small/VOC2012 --side 400 --as-is val")
def shrink(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="VOC 2012, a folder with a data.yaml, or a recipe whose data it is.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder that is new or empty.")],
    side: Annotated[int, typer.Option(min=33, help="The longer side of a picture at most, in pixels.")] = 400,
    quality: Annotated[int, typer.Option(min=1, max=95, help="Of the JPEGs.")] = 90,
    splits: Annotated[
        list[str] | None, typer.Option("--split", help="To shrink; repeatable [default: the one to train on].")
    ] = None,
    whole: Annotated[
        list[str] | None, typer.Option("--as-is", help="A split to copy as it is, such as val; repeatable.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Copy a data set with smaller pictures, for a machine it has to travel to: what is trained on, unless told.

    What a result is reported on keeps its size (--as-is), since nothing is resized to be scored.
    """
    from segkit.base.files import format_bytes, whole_folder, write_atomically
    from segkit.data.shrink import Scale
    from segkit.data.shrink import shrink as run
    from segkit.recipe.build import open_files
    from segkit.recipe.config import FolderConfig, VocConfig

    make_ready(json_file, holds=("splits", "side", "quality"))
    config = _recipe(source)
    data = config.needed_data
    if not isinstance(data, VocConfig | FolderConfig):
        raise ConfigError(f"{source}: its pictures are drawn on the fly: there is nothing to shrink")
    scales = _scales(splits or [_training_split(data)], whole or [], Scale(side, quality))
    datasets = {split: (open_files(data, split), scale) for split, scale in scales.items()}
    with whole_folder(out) as folder, picture_progress("pictures") as progress:
        found = run(datasets, _places(data, folder), progress=progress)
        if isinstance(data, FolderConfig):
            write_atomically(folder / _RECIPE, _made_recipe(config, side, quality))
    report = {**found.to_json(), "splits": {split: len(pairs) for split, (pairs, _) in datasets.items()}}
    write_json(json_file, report | {"side": side, "quality": quality})
    for split, (pairs, scale) in datasets.items():
        say(f"{split}: {len(pairs):,} pictures" + ("" if scale else ", as they are"))
    made = ", ".join(f"{count:,} {what}" for what, count in sorted(found.pictures.items()))
    say(f"{made}: JPEGs of quality {quality}, the longer side at most {side}, labels by the nearest pixel")
    say(f"{out}: {format_bytes(found.bytes_after)}, was {format_bytes(found.bytes_before)}")
    if data.val_split not in datasets:
        note(f"{data.val_split} is not in it, which the recipe validates on: add --as-is {data.val_split} to have it")


def _recipe(source: Path) -> "Config":
    """The recipe of the data set that is meant. Raises ConfigError or DataError where there is none."""
    from segkit.data.voc import voc_folder
    from segkit.recipe.config import Config, VocConfig
    from segkit.recipe.reading import load_config

    if not source.is_dir():
        return load_config(source)
    if (source / _RECIPE).is_file():
        return load_config(source / _RECIPE)
    try:
        voc_folder(source)
    except DataError:
        raise DataError(f"{source}: is no VOC 2012 and has no {_RECIPE}: give the recipe whose data it is") from None
    return Config(data=VocConfig(kind="voc", root=str(source)))


def _training_split(data: "VocConfig | FolderConfig") -> str:
    """That of the recipe; VOC's own where SBD's pictures are not there."""
    from segkit.data.voc import list_file, voc_folder

    if data.kind == "voc" and not list_file(voc_folder(Path(data.existing_root())), data.train_split).is_file():
        return "train"
    return data.train_split


def _scales(splits: list[str], whole: list[str], scale: "Scale") -> "dict[str, Scale | None]":
    if both := set(splits) & set(whole):
        raise ConfigError(f"--as-is {min(both)}: is to be shrunk too: give another --split, or leave it out")
    return {**dict.fromkeys(splits, scale), **dict.fromkeys(whole)}


def _places(data: "VocConfig | FolderConfig", out: Path) -> "Callable[[str], Places]":
    """Where a split is written: VOC's in a folder below `out` as in the one that was given."""
    from functools import partial

    from segkit.data.shrink import folder_places, voc_places
    from segkit.data.voc import voc_folder

    if data.kind == "folder":
        return partial(folder_places, out)
    root = Path(data.existing_root())
    return partial(voc_places, out / voc_folder(root).relative_to(root))


def _made_recipe(config: "Config", side: int, quality: int) -> str:
    """The recipe with what `_places` says in its data."""
    import yaml

    values = config.model_dump(mode="json", exclude_unset=True)
    values["data"] |= {"root": ".", "images": "images/{split}", "labels": "labels/{split}", "list": "{split}.txt"}
    head = f"# Made by `segkit data shrink`: JPEGs of quality {quality}, the longer side at most {side} pixels.\n"
    return head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
