"""`segkit ablate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from segkit.base.errors import ConfigError
from segkit.base.files import write_atomically
from segkit.cli.app import app
from segkit.cli.named_weights import NamedWeights, parse_weights
from segkit.cli.options import JsonFile, Overrides, Precision, Recipe, refuse
from segkit.cli.report import make_file_ready, make_ready, picture_progress, show, write_json
from segkit.cli.say import note, say
from segkit.cli.trainings import train_in_turn
from segkit.report.ablation import ablation_text
from segkit.report.sheet import markdown

if TYPE_CHECKING:
    import torch

    from segkit.benchmark.ablation import Plan
    from segkit.recipe.config import Config

_HOLDS = ("axes", "cells", "effects")


@app.command(
    epilog="Examples: segkit ablate shapes_ablation; segkit ablate camvid_ablation "
    "--axis os,mf --weights mobilenet_v2=runs/camvid/best.safetensors"
)
def ablate(
    context: typer.Context,
    config: Recipe,
    overrides: Overrides = None,
    axis: Annotated[str, typer.Option(help="The switches to turn.")] = "backbone,aspp,os,mf",
    named_weights: NamedWeights = None,
    split: Annotated[str | None, typer.Option(help="To measure on [default: the recipe's val_split].")] = None,
    out: Annotated[Path | None, typer.Option(help="[default: runs/ and the recipe's name]")] = None,
    precision: Precision = "fp32",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done and how long it takes.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Turn the switches backbone, ASPP, output stride and MF, and tell what each does.

    The recipe's `ablation` section is the grid. Each network is trained once, then evaluated under every setting. What
    is interrupted goes on where it was when the same command is given again. Started by torchrun, several processes
    train together and share the cells.
    """
    from segkit.base.device import choose_device, choose_precision
    from segkit.base.ranks import joined
    from segkit.benchmark.ablation import measure_ablation, measure_share, plan_ablation
    from segkit.benchmark.networks import Training, recipe_for
    from segkit.recipe.reading import load_config
    from segkit.report.ablation_page import write_ablation_page

    if dry_run:
        refuse(context, "--dry-run measures nothing: leave one of them out", "--json")
    recipe = load_config(config, overrides or [], tell=note)
    plan = plan_ablation(recipe, tuple(part.strip() for part in axis.split(",")))
    given = parse_weights(named_weights or [], {network.name: network for network in plan.networks})
    if given and len(plan.seeds) > 1:
        raise ConfigError("--weights gives a network of one seed: leave it out, or add ablation.seeds=[]")
    split = split or recipe.needed_data.val_split
    out = out or Path("runs") / config.stem
    with joined(recipe.train.device) as ranks:
        dtype = choose_precision(precision, choose_device(recipe.train.device))
        if ranks.is_first:
            _make_ready(out, json_file, dry_run=dry_run)
            _announce(recipe, plan, set(given), out, split, dtype)
        if dry_run:
            return
        weights = {Training(network, plan.seeds[0]): path for network, path in given.items()}
        folders = {training: out / training.name for training in plan.trainings if training not in weights}
        ranks.wait()
        best = train_in_turn({folder: recipe_for(recipe, *training) for training, folder in folders.items()}, ranks)
        weights |= {training: best[folder] for training, folder in folders.items()}
        with picture_progress(f"{len(plan.cells)} cells") as progress:
            measured: dict[str, Any] = {"split": split, "precision": dtype, "progress": progress}
            if ranks.are_many:
                measure_share(recipe, plan, weights, out, ranks, **measured)
                ranks.wait()
            if not ranks.is_first:
                return
            found = measure_ablation(recipe, plan, weights, out, given=given, **measured)
    for file in (out / "ablation.json", json_file):
        write_json(file, found)
    text = ablation_text(found)
    write_atomically(out / "ablation.md", markdown(text))
    write_ablation_page(out / "ablation.html", found)
    show(text)
    say(f"figures         {out / 'ablation.json'}, {out / 'ablation.md'}, {out / 'ablation.html'}")
    say(f"report          {out / 'ablation.html'}")


def _make_ready(out: Path, json_file: Path | None, *, dry_run: bool) -> None:
    """See that nothing of the user's is replaced."""
    make_ready(json_file, holds=_HOLDS)
    if not dry_run:
        make_ready(out / "ablation.json", out / "ablation.html", holds=_HOLDS)
        make_file_ready(out / "ablation.md", lambda _: (out / "ablation.json").is_file())


def _announce(
    config: "Config", plan: "Plan", trained: set[Any], out: Path, split: str, precision: "torch.dtype"
) -> None:
    """Say what is going to be done, and about how long it takes."""
    from segkit.benchmark.estimate import estimate_seconds, iterations_left

    seeds = f" from {len(plan.seeds)} seeds" if len(plan.seeds) > 1 else ""
    cells = f"{len(plan.cells)} cells on {split}"
    say(f"{len(plan.networks)} networks{seeds} under {len(plan.settings)} settings: {cells}")
    for training in plan.trainings:
        iterations = config.train.iterations
        left = iterations_left(out / training.name, iterations)
        what = f"train {left} iterations" + (f" (of {iterations})" if left < iterations else "")
        if training.network in trained:
            what = "take the weights given"
        elif left == 0:
            what = "is trained"
        say(f"  {training.name:24} {what}")
    say("  settings                 " + ", ".join(setting.name for setting in plan.settings))
    with Console(stderr=True).status("timing a step of each network"):
        seconds = estimate_seconds(config, plan, trained, out, split=split, precision=precision)
    minutes = max(1, round(seconds / 60))
    say(f"about {minutes} minute{'s' if minutes > 1 else ''} on this machine; results in {out}")
