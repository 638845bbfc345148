"""`segkit predict`."""

import sys
from pathlib import Path

import typer

from segkit.cli.app import app
from segkit.cli.options import Device, Flip, Mf, OutputStride, Scales, Window, passes


@app.command(epilog="Example: segkit predict runs/camvid/best.safetensors street.jpg photos/ 'more/*.png' --out predicted")
def predict(
    weights: Path = typer.Argument(help="A model: segkit's own file, or a foreign one as it is."),
    paths: list[str] = typer.Argument(metavar="PATH...", help="Pictures, folders or patterns."),
    out: Path = typer.Option(..., help="Folder for label maps and overlays."),
    output_stride: int = OutputStride,
    mf: bool = Mf,
    scales: list[float] = Scales,
    flip: bool = Flip,
    window: int = Window,
    device: str = Device,
) -> None:
    """Segment pictures: an indexed PNG and an overlay with legend for each. Bad files are reported, the rest go on."""
    from segkit.base.files import make_folder
    from segkit.evaluation.pictures import find_pictures, predict_files
    from segkit.training.device import choose_device, place
    from segkit.weights.build import load_model

    chosen = passes(mf=mf, scales=scales, flip=flip)
    pictures = find_pictures(paths)
    make_folder(out)
    model = place(load_model(weights, output_stride=output_stride), choose_device(device))
    failed = 0
    for result in predict_files(model, pictures, out, **chosen, window=window):
        if result.error is None:
            print(f"{result.picture} -> {result.label}, {result.overlay}")
        else:
            failed += 1
            print(f"segkit: {result.error}", file=sys.stderr)
    print(f"{len(pictures) - failed} of {len(pictures)} pictures predicted")
    if failed:
        raise typer.Exit(1)
