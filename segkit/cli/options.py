"""Options that several subcommands share."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from segkit.base.errors import ConfigError
from segkit.models.atrous import OUTPUT_STRIDES

if TYPE_CHECKING:
    from segkit.deploy.foreign import InputTold

OUTPUT_STRIDES_TEXT = " or ".join(", ".join(map(str, OUTPUT_STRIDES)).rsplit(", ", 1))

OutputStride = Annotated[
    int | None,
    typer.Option("--os", help=f"Output stride: {OUTPUT_STRIDES_TEXT} [default: what it was trained at]."),
]
Mf = Annotated[
    bool, typer.Option("--mf", help="Multi-scale and flip: 0.5 to 1.75 in steps of 0.25, each mirrored too.")
]
Scales = Annotated[
    list[float] | None, typer.Option("--scale", help="A scale to predict at, once or several times [default: 1].")
]
Flip = Annotated[bool, typer.Option("--flip", help="Average with the mirrored picture.")]
Window = Annotated[
    int | None, typer.Option(min=33, help="Predict larger pictures in overlapping windows of this side in pixels.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Precision = Annotated[str, typer.Option(help="What to predict in: fp32, bf16, fp16 or auto.")]
Recipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file, or a name of `segkit recipes`.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to the recipe, such as data.root=FOLDER.")
]
Mean = Annotated[
    str | None,
    typer.Option(
        help="Of another maker's exported file that takes floats: what is taken from pictures on 0..255 before --std "
        "divides, one number or R,G,B."
    ),
]
Std = Annotated[str | None, typer.Option(help="What its pictures are divided by, such as 255 or 58.4,57.1,57.4.")]
FileLayout = Annotated[
    str | None, typer.Option("--layout", help="The order of its axes, nchw or nhwc, where both would fit.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all of it to this file too, as JSON.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write a page to look at to this file.")]


def refuse(context: typer.Context, why: str, *options: str) -> None:
    """Raise ConfigError where the command was given any of these options, whatever their values; it names those."""
    given = []
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is not None and source.name == "COMMANDLINE":
            given += [name for name in parameter.opts if name in options]
    if given:
        raise ConfigError(f"{', '.join(given)}: {why}")


class Passes(TypedDict):
    """The passes of a prediction: arguments of `segkit.predict`."""

    scales: tuple[float, ...]
    flip: bool


def passes(*, mf: bool, scales: list[float] | None, flip: bool) -> Passes:
    """What `--mf`, `--scale` and `--flip` ask for. Raises ConfigError where they contradict each other."""
    from segkit.evaluation.inference import MF_SCALES

    if mf and (scales or flip):
        raise ConfigError("--mf stands for its own scales and the flip: leave out --scale and --flip, or --mf")
    if scales and min(scales) <= 0:
        raise ConfigError(f"--scale {min(scales):g}: a scale is a positive number")
    return {"scales": MF_SCALES if mf else tuple(scales or (1.0,)), "flip": mf or flip}


def input_told(mean: str | None, std: str | None, layout: str | None) -> "InputTold | None":
    """What `--mean`, `--std` and `--layout` say. Raises ConfigError for what is no three numbers or no layout."""
    from segkit.deploy.foreign import LAYOUTS, InputTold

    if mean is None and std is None and layout is None:
        return None
    chosen = next((known for known in LAYOUTS if known == layout), None)
    if layout is not None and chosen is None:
        raise ConfigError(f"--layout {layout}: choose {' or '.join(LAYOUTS)}")
    return InputTold(_colour("--mean", mean), _colour("--std", std), chosen)


def _colour(option: str, text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, 3) or not all(map(isfinite, values)) or (option == "--std" and min(values) <= 0):
        raise ConfigError(f"{option} {text}: give one number or three, such as 123.7,116.3,103.5, on 0..255")
    red, green, blue = values * 3 if len(values) == 1 else values
    return red, green, blue


def check_output_stride(output_stride: int | None) -> None:
    """Raise ConfigError unless `--os` is one that networks are built for."""
    if output_stride not in (None, *OUTPUT_STRIDES):
        raise ConfigError(f"--os {output_stride}: choose {OUTPUT_STRIDES_TEXT}")
