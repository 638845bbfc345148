"""`segkit export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.base.errors import ConfigError
from segkit.cli.app import app
from segkit.cli.options import OutputStride, check_output_stride
from segkit.cli.say import note, say
from segkit.cli.weights import WeightsArgument, obtain

if TYPE_CHECKING:
    import numpy as np

    from segkit.models.deeplabv3 import DeepLabV3

SIDE = 513
"""Of a file of one size, where neither the command nor the weights say another."""
_PICTURES = 8


@app.command(epilog="Example: segkit export runs/camvid/best.safetensors --out camvid.onnx --size 369x481")
def export(
    weights: WeightsArgument,
    out: Annotated[Path, typer.Option(help="The file to write, such as model.onnx, which must not be there.")],
    form: Annotated[
        str | None, typer.Option("--format", help="The file's format, onnx [default: the end of its name].")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="HEIGHTxWIDTH that the file takes [default: the weights' canvas, else 513x513].")
    ] = None,
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="Take any sides of 16k+1 pixels instead (32k+1 at output stride 32).")
    ] = False,
    output: Annotated[str, typer.Option(help="labels, logits (before upsampling) or probs.")] = "labels",
    output_stride: OutputStride = None,
    half: Annotated[bool, typer.Option("--half", help="Compute in half precision.")] = False,
    pictures: Annotated[
        list[str] | None, typer.Option(help="Pictures or folders to hold the file against the network on.")
    ] = None,
) -> None:
    """Write a network as a file that other programs run, and run it beside the network before it is kept."""
    from segkit.deploy.export import export as write
    from segkit.deploy.network import OUTPUTS
    from segkit.weights.build import load_model
    from segkit.weights.lineage import told_of_weights

    check_output_stride(output_stride)
    if form is not None and out.suffix.removeprefix(".") != form:
        raise ConfigError(f"--format {form}: files of it end in .{form}, which {out} does not: change one of them")
    chosen = next((each for each in OUTPUTS if each == output), None)
    if chosen is None:
        raise ConfigError(f"--output {output}: choose {', '.join(OUTPUTS)}")
    file = obtain(weights)
    model = load_model(file, output_stride=output_stride, train=True)
    taken = _size(size, dynamic, model)
    shown = _shown(pictures, taken, model.stretch)
    found = write(
        model,
        out,
        pictures=shown,
        told={**told_of_weights(file), "weights": weights},
        size=taken,
        output=chosen,
        half=half,
    )
    sides = (
        f"any sides of {model.side_step}k+1 pixels" if taken is None else f"pictures of {taken[0]}x{taken[1]} pixels"
    )
    say(f"{out}: {output} of {sides}, {out.stat().st_size / 1e6:.1f} MB")
    differ = "" if found.difference is None else f", the {output} by {found.difference:.2g} at most"
    say(f"beside the network on {found.pictures} pictures: {found.equal:.4%} of the pixels have the same class{differ}")


def _size(size: str | None, dynamic: bool, model: "DeepLabV3") -> tuple[int, int] | None:
    if dynamic:
        if size is not None:
            raise ConfigError(f"--size {size}: --dynamic takes any: leave one of them out")
        return None
    if size is None:
        side = model.side_step * -(-((model.canvas or SIDE) - 1) // model.side_step) + 1
        return side, side
    sides = size.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise ConfigError(f"--size {size}: write height and width in pixels, such as 513x513")
    return int(sides[0]), int(sides[1])


def _shown(
    pictures: list[str] | None, size: tuple[int, int] | None, stretch: tuple[int, int] | None
) -> "list[np.ndarray]":
    """What the file is held against the network on: the pictures named, up to 8 spread over them, or drawn shapes."""
    from segkit.base.pictures import read_picture
    from segkit.data.dataset import evenly
    from segkit.data.shapes import ShapesDataset
    from segkit.evaluation.pictures import find_pictures

    if pictures is None:
        side = min(size or (SIDE, SIDE))
        note("held against the network on drawn shapes: --pictures FOLDER takes yours")
        shapes = ShapesDataset("val", size=2, side=side)
        return [shapes[0].image, shapes[1].image]
    files = [*find_pictures(pictures).pictures]
    return [read_picture(files[place], stretch=stretch) for place in evenly(len(files), _PICTURES)]
