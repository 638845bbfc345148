"""`segkit benchmark`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segkit.base.errors import ConfigError
from segkit.base.files import write_atomically
from segkit.cli.app import app
from segkit.cli.named_weights import table_weights
from segkit.cli.options import (
    Device,
    FileLayout,
    HtmlFile,
    JsonFile,
    Mean,
    Overrides,
    Precision,
    Std,
    input_told,
    refuse,
)
from segkit.cli.report import make_file_ready, make_ready, picture_progress, show, write_json
from segkit.cli.runtimes import benchmark_runtimes
from segkit.cli.say import say
from segkit.cli.trainings import recipe_of, train_table
from segkit.report.benchmark import benchmark_text
from segkit.report.numbers import latency
from segkit.report.sheet import full_name
from segkit.report.sheet import markdown as as_markdown

if TYPE_CHECKING:
    import torch

    from segkit.benchmark.cells import Cell
    from segkit.benchmark.latency import Latency
    from segkit.benchmark.published import Network
    from segkit.evaluation.result import Evaluation
    from segkit.recipe.config import Config

_HEADING = b"MAdds in TensorFlow's accounting"


@app.command(
    epilog="Examples: segkit benchmark --no-eval; "
    "segkit benchmark --weights mobilenet_v2=FILE data.root=VOCdevkit/VOC2012 --html table.html; "
    "segkit benchmark --evaluations os16.json --no-latency; "
    "segkit benchmark --runtime best.safetensors model.onnx openvino:model.onnx"
)
def benchmark(
    context: typer.Context,
    overrides: Overrides = None,
    no_eval: Annotated[bool, typer.Option("--no-eval", help="Only count: no mIoU, no latency.")] = False,
    no_latency: Annotated[bool, typer.Option("--no-latency", help="Measure no latency.")] = False,
    train: Annotated[
        bool, typer.Option("--train", help="Train every network of the table that has no weights.")
    ] = False,
    coco: Annotated[
        bool,
        typer.Option("--coco", help="With --train: each on COCO first, then on VOC from that, as the paper's were."),
    ] = False,
    coco_root: Annotated[
        Path | None, typer.Option(help="Folder of COCO for --coco [default: the recipe's, data/coco2017].")
    ] = None,
    named_weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights",
            metavar="NAME=FILE",
            help="A trained model, such as mobilenet_v2_aspp=FILE, or peer:NAME=FILE for another network beside the "
            "table; repeatable.",
        ),
    ] = None,
    kept: Annotated[
        list[str] | None,
        typer.Option(
            "--evaluations",
            metavar="FILE",
            help="An evaluation of `segkit evaluate --json`; NAME=FILE where it does not tell its network, "
            "peer:NAME=FILE beside the table; repeatable.",
        ),
    ] = None,
    recipes: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the recipes voc_NETWORK.yaml, with --coco also coco_NETWORK.yaml and voc_NETWORK_coco.yaml "
            "[default: segkit's own]."
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="[default: the recipe's val_split]")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first pictures, for a try: not compared with published figures.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for trainings, evaluations and latencies.")] = Path(
        "runs/benchmark"
    ),
    runtime: Annotated[
        bool,
        typer.Option(
            "--runtime",
            help="In place of the table: the files that follow, as their runtimes run them, beside the first; "
            "openvino:FILE has OpenVINO run an ONNX file, speed:FILE scores nothing.",
        ),
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="With --runtime: a recipe with the data [default: the first file's].")
    ] = None,
    mean: Mean = None,
    std: Std = None,
    layout: FileLayout = None,
    device: Device = "auto",
    precision: Precision = "fp32",
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the table to this file.")] = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Print the table of the MobileNetV2 paper beside what is counted and measured here.

    What is interrupted goes on where it was when the same command is given again.
    """
    from segkit.base.device import choose_device, choose_precision
    from segkit.benchmark.kept import read_kept
    from segkit.benchmark.published import NETWORKS, V2
    from segkit.benchmark.table import benchmark_table
    from segkit.recipe.shipped import recipes_folder
    from segkit.report.benchmark_page import write_benchmark_page

    changes = overrides or []
    if runtime:
        _check_runtime(context)
        benchmark_runtimes(
            changes,
            told=input_told(mean, std, layout),
            data=data,
            split=split,
            limit=limit,
            is_scored=not no_eval,
            is_timed=not no_latency,
            out=out,
            markdown=markdown,
            json_file=json_file,
            html_file=html_file,
        )
        return
    _check_table(context)
    make_ready(json_file, html_file, holds=("rows", "pairs", "wide_head"))
    make_file_ready(markdown, lambda file: _HEADING in file.read_bytes())
    recipes = recipes or recipes_folder()
    target = choose_device(device)
    dtype = choose_precision(precision, target)
    rows, others = read_kept(kept or [])
    weights, peers = table_weights(named_weights or [])
    if train:
        names = NETWORKS.keys() - {network.name for network in weights}
        weights |= train_table(names, recipes, changes, out, coco=coco, coco_root=coco_root)
    if weights or peers:
        measured, beside = _measure(
            recipe_of(recipes, next(iter(weights), V2), changes),
            weights,
            peers,
            split=split,
            limit=limit,
            folder=out / "cells",
            device=target,
            precision=dtype,
        )
        rows, others = rows | measured, others | beside
    latencies = {} if no_eval or no_latency else _latencies(target, out)
    table = benchmark_table(rows, latencies, others)
    show(benchmark_text(table, narrow=True))
    write_json(json_file, table)
    if markdown is not None:
        write_atomically(markdown, as_markdown(benchmark_text(table)))
    if html_file is not None:
        write_benchmark_page(html_file, table)


def _check_runtime(context: typer.Context) -> None:
    """Raise ConfigError for options that do not go with `--runtime`."""
    of_the_table = ("--train", "--coco", "--coco-root", "--weights", "--evaluations", "--recipes")
    refuse(
        context, "serves the table, and --runtime takes files: leave it out", *of_the_table, "--device", "--precision"
    )
    if context.params["no_eval"]:
        refuse(context, "--no-eval scores nothing: leave one of them out", "--data", "--split", "--limit")


def _check_table(context: typer.Context) -> None:
    """Raise ConfigError for options that do not go together, or serve nothing, where the table is asked for."""
    asked = context.params
    of_runtimes = ("--data", "--mean", "--std", "--layout")
    refuse(context, "is for files that runtimes run: give --runtime too, or leave it out", *of_runtimes)
    if asked["no_eval"]:
        refuse(context, "--no-eval measures nothing: leave one of them out", "--train", "--weights")
    if not asked["train"]:
        refuse(context, "is the first stage of --train: give that too, or leave it out", "--coco")
    if not asked["coco"]:
        refuse(context, "is the folder of --coco: give that too, or leave it out", "--coco-root")
    if asked["train"] or asked["named_weights"]:
        return
    why = "serves --weights and --train, and neither is given: leave it out"
    refuse(context, why, "--split", "--limit", "--recipes", "--precision")
    if asked["no_eval"] or asked["no_latency"]:
        refuse(context, "nothing is measured here: leave it out", "--device")
    if asked["overrides"]:
        raise ConfigError(f"{asked['overrides'][0]}: {why}, or where it is a file, give --evaluations before each")


def _latencies(device: "torch.device", out: Path) -> dict["Cell", "Latency"]:
    from segkit.benchmark.latency import measure_latencies

    def tell(cell: "Cell", found: "Latency") -> None:
        say(f"latency         {full_name(cell.to_json())}: {latency(found.seconds)}")

    return measure_latencies(device, out / "latencies.json", tell=tell)


def _measure(
    config: "Config",
    weights: dict["Network", Path],
    peers: dict[str, Path],
    *,
    split: str | None,
    limit: int | None,
    folder: Path,
    device: "torch.device",
    precision: "torch.dtype",
) -> tuple[dict["Cell", "Evaluation"], dict[str, "Evaluation"]]:
    """The evaluations of the rows whose networks have weights, in one pass over the pictures, then of the peers."""
    from segkit.benchmark.cells import Cell, measure_cells, measure_peers
    from segkit.benchmark.networks import load_networks
    from segkit.benchmark.published import ROWS
    from segkit.data.dataset import FirstPictures
    from segkit.recipe.build import open_dataset

    data, canvas = config.needed_data, config.model.canvas
    split = split or data.val_split
    dataset = open_dataset(data, split)
    about: dict[str, Any] = {"data": data.kind, "split": split}
    if limit is not None:
        dataset = FirstPictures(dataset, limit)
        about["limit"] = limit
    cells = [Cell(row.network, row.setting) for row in ROWS if row.network in weights]
    strides = {cell.setting.output_stride for cell in cells}
    models = load_networks(weights, strides, dataset, canvas=canvas, device=str(device))
    with picture_progress(f"{len(cells)} rows on {len(dataset)} pictures") as progress:
        found = measure_cells(
            cells, models, weights, dataset, folder, about=about, precision=precision, progress=progress
        )
    with picture_progress(f"{len(peers)} others on {len(dataset)} pictures") as progress:
        beside = measure_peers(
            peers, dataset, folder, canvas=canvas, device=device, about=about, precision=precision, progress=progress
        )
    return found, beside
