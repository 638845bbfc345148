"""`segkit submit`."""

import tarfile
import zlib
from pathlib import Path
from typing import Annotated

import typer

from segkit.base.errors import ConfigError
from segkit.base.labels import VOC_CLASSES
from segkit.cli.app import app
from segkit.cli.options import (
    Device,
    FileLayout,
    Flip,
    Mean,
    Mf,
    OutputStride,
    Overrides,
    Scales,
    Std,
    check_output_stride,
    input_told,
    passes,
)
from segkit.cli.report import make_file_ready, picture_progress
from segkit.cli.say import note, say
from segkit.cli.weights import WeightsArgument, obtain


@app.command(
    epilog="Example: segkit submit best.safetensors --data voc_mobilenet_v2 data.root=VOCdevkit/VOC2012 "
    "--os 8 --mf --out results.tgz"
)
def submit(
    weights: WeightsArgument,
    data: Annotated[Path, typer.Option(help="A recipe whose data is VOC, with the test pictures in its root.")],
    overrides: Overrides = None,
    out: Annotated[Path, typer.Option(help="The archive to write, .tgz or .tar.gz.")] = Path("results.tgz"),
    split: Annotated[str, typer.Option(help="The list in ImageSets/Segmentation.")] = "test",
    competition: Annotated[
        str, typer.Option(help="comp6, or comp5 for a network trained on nothing but VOC's own data.")
    ] = "comp6",
    output_stride: OutputStride = None,
    mf: Mf = False,
    scales: Scales = None,
    flip: Flip = False,
    mean: Mean = None,
    std: Std = None,
    layout: FileLayout = None,
    device: Device = "auto",
) -> None:
    """Write the archive that the PASCAL VOC evaluation server takes, and check it."""
    from segkit.data.voc import voc_pictures
    from segkit.recipe.config import VocConfig
    from segkit.recipe.reading import load_config

    check_output_stride(output_stride)
    told = input_told(mean, std, layout)
    if competition not in ("comp5", "comp6"):
        raise ConfigError(f"--competition {competition}: choose comp5 or comp6")
    if not out.name.endswith((".tgz", ".tar.gz")):
        raise ConfigError(f"--out {out}: the server takes a .tgz: give it a name that ends so")
    make_file_ready(out, _is_submission)
    config = load_config(data, overrides or [], tell=note)
    if not isinstance(config.data, VocConfig):
        raise ConfigError(
            f"{data}: its data is of the kind {config.needed_data.kind}, but the server takes VOC's pictures alone"
        )
    pictures = voc_pictures(config.data.existing_root(), split)
    file = obtain(weights)

    from segkit.deploy.formats import is_exported
    from segkit.deploy.open import load_segmenter
    from segkit.evaluation.submit import write_submission  # with torch, which no refusal above has to wait for

    chosen = passes(mf=mf, scales=scales, flip=flip)
    model = load_segmenter(
        file,
        output_stride=output_stride,
        classes=VOC_CLASSES if is_exported(file) else None,
        canvas=config.model.canvas,
        device=device,
        told=told,
    )
    with picture_progress(f"{len(pictures)} pictures") as progress:
        write_submission(
            out,
            model,
            pictures,
            competition="comp5" if competition == "comp5" else "comp6",
            **chosen,
            progress=progress,
        )
    stride = f" at output stride {model.output_stride}" if model.output_stride else ""
    made = f"{len(pictures)} label maps{stride} in {out}"
    say(f"{made}, read back and checked: indexed, VOC's colours, the pictures' sizes")


def _is_submission(file: Path) -> bool:
    try:
        with tarfile.open(file, "r:gz") as archive:
            first = archive.next()
    except (OSError, EOFError, tarfile.TarError, zlib.error):
        return False
    return first is not None and first.name.startswith("results/VOC2012/Segmentation/comp")
