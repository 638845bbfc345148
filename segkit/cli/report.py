"""What several commands do with what they found: print it, write it, and the page of an evaluation."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from segkit.base import torchrun
from segkit.base.errors import OutputError, printable
from segkit.base.files import make_folder, read_plain, write_plain
from segkit.cli.say import say
from segkit.report.sheet import Part, Sheet

if TYPE_CHECKING:
    from segkit.base.labels import Palette
    from segkit.evaluation.result import Evaluation
    from segkit.report.gallery import PageGallery


def make_ready(json_file: Path | None, html_file: Path | None = None, *, holds: Sequence[str]) -> None:
    """Make the folders of the files that are asked for, and see that nothing of the user's is replaced.

    That is before the hours of work, not after. A JSON file is replaced where it has the keys that the new one `holds`
    (in the first item of a list), a page where it is segkit's. Raises OutputError for another, and for a folder that
    cannot be written to.
    """
    make_file_ready(json_file, partial(_holds, keys=holds))
    make_file_ready(html_file, _is_page)


def make_file_ready(file: Path | None, is_ours: Callable[[Path], bool]) -> None:
    """The same for a file of another kind, of which `is_ours` tells whether this command wrote it."""
    if file is None:
        return
    if file.is_dir() or (file.is_file() and not is_ours(file)):
        raise OutputError(f"{file}: is there and is not what this command writes: choose another name, or take it away")
    make_folder(file.parent)


def _holds(file: Path, keys: Sequence[str]) -> bool:
    try:
        found = json.loads(read_plain(file))
    except (OSError, ValueError, RecursionError):
        return False
    first = found[0] if isinstance(found, list) and found else found
    return isinstance(first, dict) and first.keys() >= set(keys)


def _is_page(file: Path) -> bool:
    with file.open("rb") as opened:
        return b" \xc2\xb7 segkit</title>" in opened.read(4096)


def write_json(file: Path | None, data: Any) -> None:
    """Write plain data, where a file is asked for; compressed where its name ends in .gz."""
    if file is not None:
        write_plain(file, json.dumps(data) + "\n")


def show(parts: Iterable[Part], *, width: int | None = None) -> None:
    """Print a text, an empty line between its parts; tables are `width` letters wide at most, or as the terminal is."""
    console = Console(width=width)
    for number, part in enumerate(parts):
        if number:
            say("")
        if isinstance(part, Sheet):
            table = Table(box=None, pad_edge=False)
            for column, heading in enumerate(part.header):
                table.add_column(Text(printable(heading)), justify="left" if column < part.left else "right")
            for row in part.rows:
                table.add_row(*(Text(printable(cell)) for cell in row))  # not markup: a footnote has brackets
            console.print(table)
        else:
            say(*part.split("\n"))


def write_report(
    path: Path, evaluation: "Evaluation", gallery: "PageGallery", *, source: Path, palette: "Palette"
) -> None:
    """Write the page of what predicted: a file of weights, or a folder of label maps.

    The recipe in the weights and the curves beside them are shown too, where a training made them.
    """
    from segkit.report.evaluation_page import write_evaluation_page
    from segkit.training.log import bad_pictures, read_metrics
    from segkit.weights.files import read_training

    training = read_training(source) if source.is_file() else {}
    config = training.get("config")
    metrics = [] if config is None else read_metrics(source.with_name("metrics.jsonl"))
    write_evaluation_page(
        path,
        evaluation.to_json(),
        title="/".join(source.parts[-2:]),
        palette=palette,
        gallery=gallery,
        metrics=metrics,
        bad_pictures=bad_pictures(metrics),
        config=config,
        teacher=training.get("teacher"),
    )


@contextmanager
def picture_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar, on a terminal only, while pictures are worked through; called with how many are done, of how many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal or torchrun.rank() > 0) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
