"""`segkit data split`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from segkit.cli.app import data_app
from segkit.cli.options import JsonFile
from segkit.cli.report import make_ready, write_json
from segkit.cli.say import note, say


@data_app.command(epilog="Example: segkit data split my_data --val 0.2 --group '(.*)_frame'")
def split(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="A folder with images/ and labels/.")],
    val: Annotated[float, typer.Option(help="The share of the pictures that is for validation.")] = 0.2,
    test: Annotated[float, typer.Option(help="The share of the pictures that is for a test.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Another number is another draw.")] = 0,
    group: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="Names stay together that agree in its first (...), or in all it matches."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Write train.txt and val.txt (and test.txt) into a folder of pictures, by chance but always the same."""
    from segkit.data.split import split_folder

    make_ready(json_file, holds=("names", "groups"))
    result = split_folder(folder, val=val, test=test, seed=seed, group=group)
    write_json(json_file, asdict(result))
    for name, members in result.names.items():
        groups = f" in {result.groups[name]} groups" if group else ""
        say(f"{name + '.txt':<12}{len(members)} pictures{groups}")
    for name, count in result.replaced.items():
        done = "replaced" if name in result.names else "removed, as its pictures are in the other lists"
        note(f"{name}.txt was another list, of {count} names, and is {done}")
    if result.unmatched:
        say(
            f"{len(result.unmatched)} names do not fit {group!r} and are groups of their own: {result.unmatched[0]} ..."
        )
