"""`segkit predict`."""

from pathlib import Path
from typing import Annotated

import typer

from segkit.cli.app import app
from segkit.cli.options import (
    Device,
    FileLayout,
    Flip,
    Mean,
    Mf,
    OutputStride,
    Scales,
    Std,
    Window,
    check_output_stride,
    input_told,
    passes,
)
from segkit.cli.say import complain, note, say
from segkit.cli.weights import WeightsArgument, obtain


@app.command(epilog="Example: segkit predict runs/camvid/best.safetensors street.jpg photos/ '*.png' --out predicted")
def predict(
    weights: WeightsArgument,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Pictures, folders or patterns.")],
    out: Annotated[Path, typer.Option(help="Folder for label maps and overlays.")],
    output_stride: OutputStride = None,
    mf: Mf = False,
    scales: Scales = None,
    flip: Flip = False,
    window: Window = None,
    mean: Mean = None,
    std: Std = None,
    layout: FileLayout = None,
    device: Device = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Segment pictures: an indexed PNG and an overlay with legend for each. Bad files are reported, the rest go on."""
    from segkit.base.pictures import told_others
    from segkit.deploy.open import load_segmenter
    from segkit.evaluation.pictures import find_pictures, predict_files

    check_output_stride(output_stride)
    chosen = passes(mf=mf, scales=scales, flip=flip)
    told = input_told(mean, std, layout)
    pictures, others = find_pictures(paths)
    if others:
        note(told_others(others))
    model = load_segmenter(obtain(weights), output_stride=output_stride, device=device, told=told)
    if model.stretch is not None:
        low, high = model.stretch
        note(f"pictures of 16 bits are stretched as in the training: {low} becomes 0 and {high} becomes 255")
    failed = 0
    for result in predict_files(model, pictures, out, **chosen, window=window, overwrite=overwrite):
        if result.error is None:
            say(f"{result.picture} -> {result.label}, {result.overlay}")
        else:
            failed += 1
            complain(result.error)
    stride = f" at output stride {model.output_stride}" if model.output_stride else ""
    say(f"{len(pictures) - failed} of {len(pictures)} pictures predicted{stride}")
    if failed:
        raise typer.Exit(1)
