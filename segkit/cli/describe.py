"""`segkit describe`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from segkit.base.errors import ConfigError
from segkit.cli.app import app

if TYPE_CHECKING:
    from segkit.models import Classifier, DeepLabV3


@app.command(epilog="Example: segkit describe mobilenet_v2 --size 224, or --os 16 --aspp --size 513 for the segmentation form")
def describe(
    backbone: str = typer.Argument(help="mobilenet_v1, mobilenet_v2 or resnet101."),
    size: int = typer.Option(224, min=33, help="Side of the picture in pixels."),
    output_stride: int = typer.Option(None, "--os", help="Describe the segmentation form at this output stride."),
    aspp: bool = typer.Option(False, "--aspp", help="With the three atrous branches (segmentation form)."),
    classes: int = typer.Option(None, min=1, max=255, help="[default: 1000, or 21 in the segmentation form]"),
    width: float = typer.Option(1.0, min=0.1, max=4, help="Width multiplier (mobilenet_v2)."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Print a network's layers as the papers do, with dilation, receptive field, MAdds and parameters."""
    from segkit.models.complexity import count_madds, count_parameters
    from segkit.models.layer_table import layer_table

    model = _network(backbone, output_stride=output_stride, aspp=aspp, classes=classes, width=width)
    rows = layer_table(model, (size, size))
    totals = {
        "params": count_parameters(model),
        "madds_exact": count_madds(model, (size, size)),
        "madds_tensorflow": count_madds(model, (size, size), accounting="tensorflow"),
    }
    if as_json:
        print(json.dumps({"rows": [asdict(row) for row in rows], **totals}))
        return
    table = Table("input", "operator", "t", "c", "n", "s", "dilation", "receptive field", "MAdds", "params", box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        height, width_, channels = row.input
        cells = (row.t, row.c, row.n, row.s, row.dilation)
        field = "whole" if row.receptive_field is None else str(row.receptive_field)
        table.add_row(
            f"{height}x{width_}x{channels}", row.operator, *("-" if cell is None else str(cell) for cell in cells),
            field, f"{row.madds / 1e6:.2f}M", f"{row.params:,}",
        )
    Console(width=140).print(table)
    print(
        f"parameters {totals['params'] / 1e6:.3f}M, MAdds {totals['madds_exact'] / 1e6:.1f}M exact, "
        f"{totals['madds_tensorflow'] / 1e6:.1f}M in TensorFlow's accounting"
    )
    if output_stride is None and backbone == "mobilenet_v1" and classes is None and width == 1:
        print("published: 569M MAdds, 4.24M parameters (no count gives 4.24M: 4.21M is without batch norm, 4.25M with all)")
    if output_stride is None and backbone == "mobilenet_v2" and classes is None and width == 1:
        print("published: 300M MAdds, 3.47M parameters (which leaves batch norm out)")


def _network(
    backbone: str, *, output_stride: int | None, aspp: bool, classes: int | None, width: float
) -> "Classifier | DeepLabV3":
    from segkit.base.labels import default_classes
    from segkit.models import BACKBONES, build_classifier, build_network

    if backbone not in BACKBONES:
        raise ConfigError(f"{backbone}: is no backbone: choose one of {', '.join(BACKBONES)}")
    if width != 1 and backbone != "mobilenet_v2":
        raise ConfigError(f"--width {width:g}: only mobilenet_v2 has a width multiplier")
    if output_stride not in (None, 8, 16, 32):
        raise ConfigError(f"--os {output_stride}: choose 8, 16 or 32")
    if aspp and output_stride is None:
        raise ConfigError("--aspp: belongs to the segmentation form: give --os too")
    options = {"width": width} if backbone == "mobilenet_v2" else {}
    if output_stride is None:
        # The classifiers round their channels to 8, DeepLab's networks do not.
        rounding = {"divisor": 8} if backbone == "mobilenet_v2" else {}
        return build_classifier(backbone, num_classes=classes or 1000, options={**options, **rounding})
    names = default_classes(classes or 21)
    return build_network(backbone, classes=names, aspp=aspp, output_stride=output_stride, options=options)
