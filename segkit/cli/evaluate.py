"""`segkit evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segkit.base.errors import ConfigError
from segkit.cli.app import app
from segkit.cli.options import (
    Device,
    Flip,
    HtmlFile,
    JsonFile,
    Mf,
    OutputStride,
    Overrides,
    Precision,
    Scales,
    Window,
    check_output_stride,
    passes,
)
from segkit.cli.report import make_ready, note, picture_progress, show, write_json, write_report
from segkit.cli.weights import WeightsArgument, obtain
from segkit.report.numbers import duration, interval, percent, rare, words
from segkit.report.sheet import Sheet

if TYPE_CHECKING:
    from segkit.evaluation.inference import Segmenter
    from segkit.evaluation.result import Evaluation
    from segkit.recipe.config import Config


@app.command(epilog="Example: segkit evaluate runs/camvid/best.safetensors --os 8 --mf --split test --json result.json")
def evaluate(
    weights: WeightsArgument,
    overrides: Overrides = None,
    data: Annotated[Path | None, typer.Option(help="A recipe with the data [default: the one trained by].")] = None,
    split: Annotated[str | None, typer.Option(help="[default: the recipe's val_split]")] = None,
    output_stride: OutputStride = None,
    mf: Mf = False,
    scales: Scales = None,
    flip: Flip = False,
    window: Window = None,
    device: Device = "auto",
    precision: Precision = "fp32",
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Score a model on a data set: mIoU, IoU of each class, accuracies, and the protocol."""
    from dataclasses import replace

    from segkit.base.device import choose_device, choose_precision
    from segkit.base.machine import describe_run
    from segkit.evaluation.evaluate import evaluate as run
    from segkit.evaluation.gallery import Gallery
    from segkit.models.folding import prepare_to_predict
    from segkit.recipe.build import open_dataset
    from segkit.weights.build import load_segmenter

    check_output_stride(output_stride)
    chosen = passes(mf=mf, scales=scales, flip=flip)
    file = obtain(weights)
    config = _recipe(file, data, overrides or [])
    split = split or config.needed_data.val_split
    dataset = open_dataset(config.needed_data, split)
    target = choose_device(device)
    network = load_segmenter(file, output_stride=output_stride, classes=dataset.classes, canvas=config.model.canvas)
    model = prepare_to_predict(network, target)
    make_ready(json_file, html_file)
    about = {"weights": weights, **_told_of(file, network), "data": config.needed_data.kind, "split": split}
    gallery = Gallery(model.palette, pictures=len(dataset)) if html_file else None
    with picture_progress(f"{len(dataset)} pictures") as progress:
        result = run(
            model,
            dataset,
            **chosen,
            window=window,
            precision=choose_precision(precision, model.device),
            about=about,
            keep=gallery.keep if gallery else None,
            progress=progress,
        )
    result = replace(result, machine=describe_run())
    write_json(json_file, result.to_json())
    show_evaluation(result)
    if html_file and gallery:
        write_report(html_file, result, gallery.details(result, dataset), weights=file, palette=model.palette)


def _told_of(file: Path, network: "Segmenter") -> dict[str, Any]:
    """What the protocol is to tell of the weights: which network, which file, and what it was trained on."""
    from segkit.base.files import file_digest
    from segkit.benchmark.published import Network
    from segkit.models.deeplabv3 import DeepLabV3
    from segkit.weights.lineage import read_lineage

    name = {"network": Network.of(network.architecture).name} if isinstance(network, DeepLabV3) else {}
    return {**name, "weights_sha256": file_digest(file), **read_lineage(file).to_protocol()}


def show_evaluation(result: "Evaluation") -> None:
    """Print the IoU of each class, the protocol card and the means, with the 95 % intervals."""
    rows = ((name, percent(value), interval(result.iou_intervals[name])) for name, value in result.iou.items())
    show([Sheet(("class", "IoU %", "95 % interval"), tuple(rows))])
    print("protocol        " + "; ".join(f"{name} {value}" for name, value in words(result.protocol).items()))
    print(f"pixel accuracy  {percent(result.pixel_accuracy)} %")
    print(f"mean accuracy   {percent(result.mean_accuracy)} %")
    counted = f"over {result.confusion.counted_classes} of {len(result.classes)} classes"
    print(f"mIoU            {percent(result.miou)} %  {interval(result.miou_interval)}  ({counted})")
    if result.rare_classes:
        print(f"note            {rare(result.rare_classes)}")
    print(f"time            {duration(result.seconds)}")


def _recipe(weights: Path, data: Path | None, overrides: list[str]) -> "Config":
    """The recipe given, or that of the training that made the weights."""
    from segkit.recipe.reading import config_from, load_config
    from segkit.weights.files import read_training

    if data is not None:
        return load_config(data, overrides, tell=note)
    trained_by = read_training(weights).get("config")
    config = config_from(trained_by, source=str(weights), overrides=overrides) if isinstance(trained_by, dict) else None
    if config is None or config.data is None:
        raise ConfigError(f"{weights}: does not tell what data it was trained on: give a recipe with --data")
    return config
