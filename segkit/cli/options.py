"""Options that several subcommands share."""

from pathlib import Path
from typing import Annotated, TypedDict

import typer

from segkit.base.errors import ConfigError
from segkit.models.atrous import OUTPUT_STRIDES

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
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all of it to this file too, as JSON.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write a page to look at to this file.")]


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


def check_output_stride(output_stride: int | None) -> None:
    """Raise ConfigError unless `--os` is one that networks are built for."""
    if output_stride not in (None, *OUTPUT_STRIDES):
        raise ConfigError(f"--os {output_stride}: choose {OUTPUT_STRIDES_TEXT}")
