"""`segkit weights`, and how the other commands come by theirs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from typer.core import TyperGroup

from segkit.base.errors import ConfigError, printable
from segkit.cli.app import app
from segkit.cli.options import JsonFile
from segkit.cli.report import make_ready, write_json
from segkit.cli.say import DESCRIPTION, note, say

if TYPE_CHECKING:
    from segkit.recipe.config import Config
    from segkit.weights.public import Public

WEIGHTS_HELP = (
    "A model: segkit's own file, a foreign or exported one as it is, a name of `segkit weights`, or "
    "hf://OWNER/REPOSITORY."
)
WeightsArgument = Annotated[str, typer.Argument(metavar="WEIGHTS", help=WEIGHTS_HELP)]


class _NamesAreFetched(TyperGroup):
    """A group that takes a word that is no subcommand for a name to fetch."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # typer brings click's classes or its own
        return super().resolve_command(ctx, args if args[0] in self.commands else ["get", *args])


weights_app = typer.Typer(cls=_NamesAreFetched, invoke_without_command=True, rich_markup_mode=None)
app.add_typer(weights_app, name="weights")


@weights_app.callback(epilog="Examples: segkit weights; segkit weights google_deeplabv3_mobilenet_v2")
def weights(
    context: typer.Context,
    json_file: JsonFile = None,
) -> None:
    """List the public weights that can be had by name, and what of them is here; with names, fetch those.

    A name goes wherever a file of weights goes: model.weights=NAME in a recipe, segkit evaluate NAME.
    """
    from segkit.weights.cache import cache_folder

    listed = _list(json_file)
    if context.invoked_subcommand is None:
        for entry in listed:
            first, *others = _lines(entry)
            say(first, *(f"  {line}" for line in others))
        say(f"cache: {cache_folder()} ($SEGKIT_CACHE chooses another)")


@weights_app.command(epilog="Example: segkit weights get google_deeplabv3_mobilenet_v2, or without the word get")
def get(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names that `segkit weights` lists.")],
    json_file: JsonFile = None,
) -> None:
    """Fetch weights by name now."""
    from segkit.base.files import file_digest

    for name in names:
        path = obtain(name)
        say(f"{name} -> {path}", f"  SHA-256 {file_digest(path)}")
    _list(json_file)


@weights_app.command(epilog="Example: segkit weights convert frozen_inference_graph.pb deeplabv3.safetensors")
def convert(
    weights: WeightsArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, which must not be there.")],
) -> None:
    """Write a foreign network as segkit's own file, with where it comes from in the metadata."""
    from segkit.weights.convert import convert as run

    told = run(weights, obtain(weights), out)
    files = (f"  {name}: SHA-256 {digest}" for name, digest in told["sha256"].items())
    say(f"{weights} -> {out}", f"  trained on {', '.join(told['trained_on'])}", *files)


def obtain(weights: str, *, backbone: str | None = None, width: float = 1.0) -> Path:
    """The file of weights that is meant, with a bar while it is fetched; an exported file as it was said.

    Raises what `resolve` raises.
    """
    from segkit.deploy.formats import is_exported
    from segkit.weights.cache import resolve
    from segkit.weights.tensorflow.choice import RULE, is_archive

    if is_exported(weights):
        return Path(weights)
    columns = (DESCRIPTION, BarColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(printable(weights), total=None)

    def show(done: int, total: int | None) -> None:
        bar.start()  # not before: most files are here
        bar.update(task, completed=done, total=total)

    try:
        path = resolve(weights, backbone=backbone, width=width, progress=show, tell=note)
    finally:
        if bar.live.is_started:
            bar.stop()
    if Path(weights).is_dir():
        note(f"{weights}: {path.name} is read")
    elif is_archive(path):
        from segkit.weights.tensorflow.reading import unpacked_file

        with unpacked_file(path) as file:
            note(f"{path.name}: {file.name} is read ({RULE})")
    return path


def recipe_behind(weights: Path, data: Path | None, overrides: list[str]) -> "Config":
    """The recipe `data`, or without one that of the training that made the weights. ConfigError where none tells it."""
    from segkit.deploy.formats import is_exported
    from segkit.recipe.reading import config_from, load_config
    from segkit.weights.files import read_training

    if data is not None:
        return load_config(data, overrides, tell=note)
    trained_by = None if is_exported(weights) else read_training(weights).get("config")
    config = config_from(trained_by, source=str(weights), overrides=overrides) if isinstance(trained_by, dict) else None
    if config is None or config.data is None:
        raise ConfigError(f"{weights}: does not tell what data it was trained on: give a recipe with --data")
    return config


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


def _list(json_file: Path | None) -> list[dict[str, Any]]:
    """The entries of the catalogue as data, written as JSON where asked for."""
    from segkit.weights.catalogue import CATALOGUE

    make_ready(json_file, holds=("name", "address"))
    listed = [_as_data(entry) for entry in CATALOGUE.values()]
    write_json(json_file, listed)
    return listed


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
        *([f"copy: {copy['address']} [{copy['source']}; {copy['licence']}]"] if (copy := entry["copy"]) else []),
    ]
