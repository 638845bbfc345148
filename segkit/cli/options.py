"""Options that several subcommands share."""

from typing import TypedDict

import typer

from segkit.base.errors import ConfigError

OutputStride = typer.Option(16, "--os", help="Output stride: 8, 16 or 32.")
Mf = typer.Option(False, "--mf", help="Multi-scale and flip: scales 0.5 to 1.75 in steps of 0.25, each mirrored too.")
Scales = typer.Option(None, "--scale", help="A scale to predict at; give it several times for more [default: 1].")
Flip = typer.Option(False, "--flip", help="Average with the mirrored picture.")
Window = typer.Option(None, help="Predict larger pictures in overlapping windows of so many pixels a side.")
Device = typer.Option("auto", help="auto, cpu, cuda, cuda:1 or mps.")


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
