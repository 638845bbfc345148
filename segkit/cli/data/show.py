"""`segkit data show`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.cli.app import data_app
from segkit.cli.options import Overrides, Recipe
from segkit.cli.report import make_file_ready
from segkit.cli.say import note, say

if TYPE_CHECKING:
    import numpy as np

    from segkit.data.dataset import Dataset
    from segkit.recipe.config import Config


_MARK = "segkit data show"


@data_app.command(epilog="Example: segkit data show my_data.yaml --augmented --out sheet.png")
def show(
    config: Recipe,
    overrides: Overrides = None,
    augmented: Annotated[bool, typer.Option("--augmented", help="The first crops of a training instead.")] = False,
    out: Annotated[Path, typer.Option(help="The picture to write, .png or .jpg.")] = Path("sheet.png"),
    count: Annotated[int, typer.Option(min=1, max=256, help="How many pictures.")] = 16,
    split: Annotated[str | None, typer.Option(help="[default: the recipe's train_split]")] = None,
) -> None:
    """Write a sheet of pictures with their labels beside them: what the network will see."""
    from segkit.base.pictures import mark_of, save_picture
    from segkit.recipe.build import open_dataset
    from segkit.recipe.reading import load_config
    from segkit.report.overlay import contact_sheet

    recipe = load_config(config, overrides or [], tell=note)
    make_file_ready(out, lambda file: mark_of(file) == _MARK)
    dataset = open_dataset(recipe.needed_data, split or recipe.needed_data.train_split)
    pairs = _crops(recipe, dataset, count) if augmented else _whole(dataset, count)
    save_picture(out, contact_sheet(pairs, palette=dataset.palette, classes=dataset.classes), mark=_MARK)
    what = f"crops of {recipe.train.crop} pixels" if augmented else f"of {len(dataset)} pictures"
    say(f"{out} ({len(pairs)} {what})")


def _whole(dataset: "Dataset", count: int) -> "list[tuple[np.ndarray, np.ndarray]]":
    """Pictures spread over the set, as they are."""
    from segkit.data.dataset import evenly

    return [(sample.image, sample.label) for sample in (dataset[index] for index in evenly(len(dataset), count))]


def _crops(recipe: "Config", dataset: "Dataset", count: int) -> "list[tuple[np.ndarray, np.ndarray]]":
    """The first samples of a training by the recipe, as its loader gives them, but for the colour of the padding."""
    from segkit.data.loader import training_batches
    from segkit.models.build import TENSORFLOW_MEAN
    from segkit.recipe.build import training_transform

    size = recipe.train.batch_size
    batches = training_batches(
        dataset,
        training_transform(recipe.train, mean=TENSORFLOW_MEAN),
        batch_size=size,
        seed=recipe.train.seed,
        first_iteration=0,
        iterations=-(-count // size),
        workers=0,
    )
    pairs = [
        (image.permute(1, 2, 0).contiguous().numpy(), label.numpy())
        for images, labels in batches
        for image, label in zip(images, labels, strict=True)
    ]
    return pairs[:count]
