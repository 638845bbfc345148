"""`segkit data get`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from segkit.base.errors import ConfigError, printable
from segkit.cli.app import data_app
from segkit.cli.options import JsonFile
from segkit.cli.report import make_ready, write_json
from segkit.cli.say import DESCRIPTION, note, say


@data_app.command(epilog="Example: segkit data get voc2012 --root data")
def get(
    name: Annotated[str, typer.Argument(metavar="SET", help="voc2012 (with train_aug), camvid or coco2017.")],
    root: Annotated[Path, typer.Option(help="The folder for the set and its archives.")] = Path("data"),
    json_file: JsonFile = None,
) -> None:
    """Download a public data set, verify it, unpack it, and make of it what the recipes read.

    Interrupted, it goes on where it was. Where the set is there and whole, it is only counted again. An archive that
    you have is taken from the folder `archives` under the root, once its checksum is right.
    """
    from segkit.base.files import format_bytes
    from segkit.data.public.archive import Depot
    from segkit.data.public.sets import PUBLIC_SETS

    if name not in PUBLIC_SETS:
        raise ConfigError(f"there is no public set {name!r}: choose {', '.join(PUBLIC_SETS)}")
    make_ready(json_file, holds=("set", "figures"))
    chosen = PUBLIC_SETS[name]
    say(f"{name}: {chosen.terms}")
    stages = _Stages()
    depot = Depot(root, stages.announce)
    for archive in depot.missing(chosen.lacking(depot)):
        size = "size not known" if archive.size is None else format_bytes(archive.size)
        say(f"to download: {depot.path(archive)} ({size}) from {' or '.join(archive.urls)}")
    with stages.progress:
        obtained = chosen.get(depot)
    say(f"{obtained.folder}: {'made' if obtained.changed else 'already there, nothing to do'}")
    for what, count in obtained.figures.items():
        say(f"{count:>9,}  {what}")
    for text in obtained.notes:
        note(text)
    say(f"next: segkit train {chosen.recipe} data.root={shlex.quote(str(obtained.folder))}")
    report = {"set": name, "folder": str(obtained.folder), "changed": obtained.changed, "figures": obtained.figures}
    write_json(json_file, report)


class _Stages:
    """A bar for each thing that is done on a terminal, a line for each elsewhere."""

    def __init__(self) -> None:
        console = Console(highlight=False)
        columns = (DESCRIPTION, BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        self.live = console.is_terminal
        self.progress = Progress(*columns, TimeRemainingColumn(), console=console, disable=not self.live)
        self.tasks: dict[str, TaskID] = {}

    def announce(self, what: str, done: int, total: int | None) -> None:
        """Show how much of something is done."""
        if what not in self.tasks:
            self.tasks[what] = self.progress.add_task(printable(what), total=total)
            if not self.live:
                say(f"{what} ...")
        self.progress.update(self.tasks[what], completed=done, total=total)
