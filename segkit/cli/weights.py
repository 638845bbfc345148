"""`segkit weights`, and how the other commands come by theirs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from segkit.cli.app import app
from segkit.cli.options import JsonFile
from segkit.cli.report import write_json

if TYPE_CHECKING:
    from segkit.recipe.config import Config
    from segkit.weights.catalogue import Public

WEIGHTS_HELP = (
    "A model: segkit's own file, a foreign one as it is, a name of `segkit weights`, or hf://OWNER/REPOSITORY."
)
WeightsArgument = Annotated[str, typer.Argument(metavar="WEIGHTS", help=WEIGHTS_HELP)]


@app.command(epilog="Examples: segkit weights; segkit weights google_deeplabv3_mobilenet_v2")
def weights(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Fetch these now.")] = None,
    json_file: JsonFile = None,
) -> None:
    """List the public weights that can be had by name, and what of them is here; with names, fetch those.

    A name goes wherever a file of weights goes: model.weights=NAME in a recipe, segkit evaluate NAME.
    """
    from segkit.base.files import file_digest
    from segkit.weights.cache import cache_folder
    from segkit.weights.catalogue import CATALOGUE

    for name in names or ():
        path = obtain(name)
        print(f"{name} -> {path}\n  SHA-256 {file_digest(path)}")
    listed = [_as_data(entry) for entry in CATALOGUE.values()]
    write_json(json_file, listed)
    if not names:
        for entry in listed:
            print(*_lines(entry), sep="\n  ")
        print(f"cache: {cache_folder()} ($SEGKIT_CACHE chooses another)")


def obtain(weights: str, *, backbone: str | None = None, width: float = 1.0) -> Path:
    """The file of weights that is meant, with a bar while it is fetched. Raises what `resolve` raises."""
    from segkit.weights.cache import resolve

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(weights, total=None)

    def show(done: int, total: int | None) -> None:
        bar.start()  # not before: most files are here
        bar.update(task, completed=done, total=total)

    try:
        return resolve(weights, backbone=backbone, width=width, progress=show)
    finally:
        if bar.live.is_started:
            bar.stop()


def obtain_start(recipe: "Config", out: Path) -> None:
    """Fetch the weights that a training starts from and its teacher's, if they have to be, before anything else.

    A run in `out` that has been saved goes on from its state and not from the former.
    """
    from segkit.training.folder import RunFolder

    model = recipe.model
    if model.weights is not None and not RunFolder(out).state.is_file():
        obtain(model.weights, backbone=model.backbone, width=model.width or 1.0)
    if recipe.train.teacher is not None:
        obtain(recipe.train.teacher)


def _as_data(entry: "Public") -> dict[str, Any]:
    """An entry and what is here of it, as JSON data; `imagenet` tells that this alias stands for it."""
    from segkit.weights.cache import cached_entry, noted
    from segkit.weights.catalogue import IMAGENET_NAMES

    path = cached_entry(entry)
    here = path.is_file()
    known = noted(path) if here else None
    return {
        **asdict(entry),
        "imagenet": entry.name in IMAGENET_NAMES.values(),
        "path": str(path),
        "cached": here,
        "cached_mebibytes": path.stat().st_size / 2**20 if here else None,
        "cached_sha256": known.sha256 if known else None,
        "cached_commit": known.commit if known else None,
    }


def _lines(entry: dict[str, Any]) -> list[str]:
    size = entry["cached_mebibytes"] or entry["mebibytes"]
    known = f"{entry['sha256']}..., by its makers" if entry["sha256"] else "not published"
    if entry["cached_sha256"]:
        known += f"; noted when it came: {entry['cached_sha256']}"
    if entry["cached_commit"]:
        known += f" (commit {entry['cached_commit']})"
    width = f" of width {entry['width']:g}" if entry["width"] != 1 else ""
    return [
        entry["name"] + (f"  (imagenet for {entry['backbone']}{width})" if entry["imagenet"] else ""),
        f"{entry['what']}; trained on {entry['trained_on']}",
        f"published: {entry['published']} [{entry['source']}]",
        f"licence: {entry['licence']}; " + (f"{size:.1f} MiB" if size else "size not known"),
        f"SHA-256: {known}",
        f"cached: {entry['path']}" if entry["cached"] else f"not cached; {entry['address']}",
    ]
