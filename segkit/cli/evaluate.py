"""`segkit evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segkit.base import torchrun
from segkit.base.errors import ConfigError
from segkit.cli.app import app
from segkit.cli.options import (
    Device,
    FileLayout,
    Flip,
    HtmlFile,
    JsonFile,
    Mean,
    Mf,
    OutputStride,
    Overrides,
    Precision,
    Scales,
    Std,
    Window,
    check_output_stride,
    input_told,
    passes,
    refuse,
)
from segkit.cli.report import make_ready, picture_progress, show, write_json, write_report
from segkit.cli.say import note, say
from segkit.cli.weights import WEIGHTS_HELP, obtain, recipe_behind
from segkit.report.numbers import duration, interval, percent, rare, words
from segkit.report.sheet import Sheet

if TYPE_CHECKING:
    from segkit.data.dataset import Dataset
    from segkit.evaluation.inference import Segmenter
    from segkit.evaluation.label_maps import LabelMaps
    from segkit.evaluation.result import Evaluation
    from segkit.report.gallery import PageGallery


_OF_MODELS = ("--os", "--mf", "--scale", "--flip", "--window", "--mean", "--std", "--layout", "--device", "--precision")


@app.command(
    epilog="Examples: segkit evaluate runs/camvid/best.safetensors --os 8 --mf --split test --json result.json; "
    "segkit evaluate --predictions label_maps/ --data voc_mobilenet_v2 data.root=VOCdevkit/VOC2012"
)
def evaluate(
    context: typer.Context,
    weights: Annotated[str | None, typer.Argument(metavar="WEIGHTS", help=WEIGHTS_HELP)] = None,
    overrides: Overrides = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="In place of WEIGHTS: a folder of label maps that any tool made, a PNG for each picture."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="A recipe with the data [default: the one trained by].")] = None,
    split: Annotated[str | None, typer.Option(help="[default: the recipe's val_split]")] = None,
    output_stride: OutputStride = None,
    mf: Mf = False,
    scales: Scales = None,
    flip: Flip = False,
    window: Window = None,
    mean: Mean = None,
    std: Std = None,
    layout: FileLayout = None,
    device: Device = "auto",
    precision: Precision = "fp32",
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Score a model, or label maps, on a data set: mIoU, IoU of each class, accuracies, and the protocol.

    Started by torchrun, several processes share the pictures.
    """
    from dataclasses import replace
    from functools import partial

    from segkit.base.device import choose_precision
    from segkit.base.machine import describe_run
    from segkit.base.ranks import joined
    from segkit.data.pairs import stretch_of
    from segkit.deploy.formats import is_exported
    from segkit.deploy.open import load_segmenter
    from segkit.evaluation.evaluate import evaluate as evaluate_model
    from segkit.evaluation.gallery import Gallery
    from segkit.evaluation.label_maps import evaluate_maps
    from segkit.recipe.build import open_dataset

    check_output_stride(output_stride)
    chosen = passes(mf=mf, scales=scales, flip=flip)
    told = input_told(mean, std, layout)
    if predictions is not None:
        if torchrun.size() > 1:
            raise ConfigError("--predictions: label maps are scored in one process: start it without torchrun")
        refuse(context, "says how a model predicts: leave it out, or --predictions", *_OF_MODELS)
        overrides = _for_label_maps(weights, overrides or [], data)
    elif weights is None:
        raise ConfigError("there is nothing to evaluate: give WEIGHTS, or label maps with --predictions FOLDER")
    with joined(device) as ranks:
        source = predictions or ranks.in_turn(lambda: obtain(str(weights)))
        config = recipe_behind(source, data, overrides or [])
        split = split or config.needed_data.val_split
        dataset = open_dataset(config.needed_data, split)
        about: dict[str, Any] = {"data": config.needed_data.kind, "split": split}
        if predictions is not None:
            palette, run = dataset.palette, partial(evaluate_maps, _label_maps(predictions, dataset), dataset)
        else:
            model = load_segmenter(
                source,
                output_stride=output_stride,
                classes=dataset.classes,
                canvas=config.model.canvas,
                device=device,
                told=told,
            )
            if is_exported(source) and precision != "fp32":
                raise ConfigError(f"{source}: an exported file has its own precision: leave --precision out")
            if (read := stretch_of(dataset)) != model.stretch:
                note(f"pictures of 16 bits are read by data.stretch {read}, but were by {model.stretch} in training")
            about = {**_told_of(source, model), "weights": weights, **about}
            given: dict[str, Any] = {**chosen, "window": window, "precision": choose_precision(precision, model.device)}
            palette, run = model.palette, partial(evaluate_model, model, dataset, **given, ranks=ranks)
        if ranks.is_first:
            make_ready(json_file, html_file, holds=("protocol", "confusion"))
        gallery = Gallery(palette, pictures=len(dataset)) if html_file and not ranks.are_many else None
        with picture_progress(f"{len(dataset)} pictures") as progress:
            result = run(about=about, keep=gallery.keep if gallery else None, progress=progress)
    if not ranks.is_first:
        return
    result = replace(result, machine=describe_run())
    write_json(json_file, result.to_json())
    show_evaluation(result)
    if html_file:
        page = gallery.details(result, dataset) if gallery else _predicted_again(result, dataset, model, given)
        write_report(html_file, result, page, source=source, palette=palette)


def _predicted_again(
    result: "Evaluation", dataset: "Dataset", model: "Segmenter", given: dict[str, Any]
) -> "PageGallery":
    """What the page shows where each of several processes has kept what it predicted: the examples alone."""
    from segkit.evaluation.gallery import gallery_of
    from segkit.evaluation.inference import predict_label

    return gallery_of(result, dataset, lambda index, sample: predict_label(model, sample.image, **given))


def _for_label_maps(weights: str | None, overrides: list[str], data: Path | None) -> list[str]:
    """The changes to the recipe: without weights the first argument is one of them.

    Raises ConfigError where it is none, and without a recipe.
    """
    if weights is not None and "=" not in weights:
        raise ConfigError(f"{weights}: label maps are scored without weights: leave out WEIGHTS, or --predictions")
    if data is None:
        raise ConfigError("--predictions: label maps do not tell what data they are of: give a recipe with --data")
    return [*filter(None, [weights]), *overrides]


def _label_maps(folder: Path, dataset: "Dataset") -> "LabelMaps":
    from segkit.evaluation.label_maps import LabelMaps

    maps = LabelMaps(folder, dataset)
    if maps.others:
        note(f"{len(maps.others):,} label maps of other pictures left out (such as {maps.others[0].name})")
    return maps


def _told_of(file: Path, network: "Segmenter") -> dict[str, Any]:
    """What the protocol is to tell of the weights: which network, which file, and what it was trained on."""
    from segkit.benchmark.published import Network
    from segkit.deploy.open import told_of_file
    from segkit.models.deeplabv3 import DeepLabV3

    name = {"network": Network.of(network.architecture).name} if isinstance(network, DeepLabV3) else {}
    return told_of_file(file, network) | name


def show_evaluation(result: "Evaluation") -> None:
    """Print the IoU of each class, the protocol card and the means, with the 95 % intervals."""
    rows = ((name, percent(value), interval(result.iou_intervals[name])) for name, value in result.iou.items())
    show([Sheet(("class", "IoU %", "95 % interval"), tuple(rows))])
    protocol = "; ".join(f"{name} {value}" for name, value in words(result.protocol).items())
    say(f"protocol        {protocol}")
    say(f"pixel accuracy  {percent(result.pixel_accuracy)} %")
    say(f"mean accuracy   {percent(result.mean_accuracy)} %")
    counted = f"over {result.confusion.counted_classes} of {len(result.classes)} classes"
    say(f"mIoU            {percent(result.miou)} %  {interval(result.miou_interval)}  ({counted})")
    if result.rare_classes:
        say(f"note            {rare(result.rare_classes)}")
    say(f"time            {duration(result.seconds)}")
