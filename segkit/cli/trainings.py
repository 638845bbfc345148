"""Trainings that several commands start one after the other: of a table, or of a grid."""

import os
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from segkit.base.errors import ConfigError
from segkit.cli.display import Display
from segkit.cli.say import note, say
from segkit.cli.weights import obtain_start

if TYPE_CHECKING:
    from segkit.base.ranks import Ranks
    from segkit.benchmark.published import Network
    from segkit.recipe.config import Config


def train_in_turn(recipes: Mapping[Path, "Config"], ranks: "Ranks") -> dict[Path, Path]:
    """Train by each recipe into its folder, or go on there; the best weights by folder.

    One may start from what one before it makes. `ranks` train together. All data, and the weights that have to be
    fetched, are looked for before the first begins, as it may take days.
    """
    from segkit.benchmark.estimate import iterations_left
    from segkit.recipe.build import open_dataset
    from segkit.training.folder import RunFolder
    from segkit.training.train import train

    best = {folder: RunFolder(folder).best for folder in recipes}
    made = {os.path.abspath(path) for path in best.values()}

    def look(folder: Path, recipe: "Config") -> None:
        if iterations_left(folder, recipe.train.iterations):
            for split in (recipe.needed_data.train_split, recipe.needed_data.val_split):
                open_dataset(recipe.needed_data, split)
            if recipe.model.weights not in made:
                obtain_start(recipe, folder)

    for folder, recipe in recipes.items():
        ranks.in_turn(partial(look, folder, recipe))
    for number, (folder, recipe) in enumerate(recipes.items(), 1):
        say(f"training {folder.name} in {folder} ({number} of {len(recipes)})")
        with Display() as display:
            train(recipe, folder, resume=RunFolder(folder).config.is_file(), listen=display.listen)
    return best


def recipe_of(recipes: Path, network: "Network", overrides: list[str], *, form: str = "voc_{}") -> "Config":
    """The recipe of a network in a folder of recipes; `form` is its name. Raises ConfigError where there is none."""
    from segkit.benchmark.networks import recipe_for
    from segkit.recipe.reading import load_config

    recipe = recipes / f"{form.format(network._replace(width=1.0).name)}.yaml"
    if not recipe.is_file():
        raise ConfigError(f"{recipe}: there is no such recipe: leave out --recipes to take segkit's own")
    return recipe_for(load_config(recipe, overrides, tell=note), network)


def train_table(
    names: Collection[str], recipes: Path, overrides: list[str], out: Path, *, coco: bool, coco_root: Path | None
) -> dict["Network", Path]:
    """Train the networks of the table that have these names; the best weights.

    With `coco` each is trained on COCO first, in the folder `coco_root` (none: the recipe's), then on VOC from that;
    changes of `data` are for VOC.
    """
    from segkit.base.ranks import ALONE
    from segkit.benchmark.published import NETWORKS

    # The zoo's x0.5 is left out: it started from ImageNet weights that are not published.
    wanted = [network for name, network in NETWORKS.items() if name in names and network.width == 1]
    if not coco:
        folders = {network: out / network.name for network in wanted}
        stages = {folder: recipe_of(recipes, network, overrides) for network, folder in folders.items()}
        trained = train_in_turn(stages, ALONE)
        return {network: trained[folder] for network, folder in folders.items()}
    of_coco = [override for override in overrides if not override.startswith("data.")]
    of_coco += [] if coco_root is None else [f"data.root={coco_root}"]
    stages = {}
    last = {}
    for network in wanted:
        first, second = out / f"coco_{network.name}", out / f"voc_{network.name}_coco"
        stages[first] = recipe_of(recipes, network, of_coco, form="coco_{}")
        stages[second] = _starting_from(first, recipe_of(recipes, network, overrides, form="voc_{}_coco"))
        last[network] = second
    trained = train_in_turn(stages, ALONE)
    return {network: trained[folder] for network, folder in last.items()}


def _starting_from(folder: Path, recipe: "Config") -> "Config":
    """The recipe from the best weights that are going to be in a folder."""
    from segkit.training.folder import RunFolder

    weights = os.path.abspath(RunFolder(folder).best)
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"weights": weights})})
