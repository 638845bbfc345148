"""`segkit describe`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.base.errors import ConfigError
from segkit.cli.app import app
from segkit.cli.options import OUTPUT_STRIDES_TEXT, check_output_stride
from segkit.cli.report import show
from segkit.cli.say import say
from segkit.report.numbers import millions
from segkit.report.sheet import Sheet

if TYPE_CHECKING:
    from segkit.models.classifier import Classifier
    from segkit.models.deeplabv3 import DeepLabV3
    from segkit.models.layer_table import LayerRow


@app.command(
    epilog="Examples: segkit describe mobilenet_v2 --size 224; segkit describe resnet101 --os 8 --aspp --size 513"
)
def describe(
    backbone: Annotated[str, typer.Argument(help="Such as mobilenet_v2; any other word lists them.")],
    size: Annotated[int, typer.Option(min=33, help="Side of the picture in pixels.")] = 224,
    output_stride: Annotated[
        int | None, typer.Option("--os", help=f"Show the segmentation form, at {OUTPUT_STRIDES_TEXT}.")
    ] = None,
    aspp: Annotated[bool, typer.Option("--aspp", help="With the atrous branches (segmentation form).")] = False,
    classes: Annotated[int | None, typer.Option(min=1, max=255, help="[default: 1000; segmentation form: 21]")] = None,
    width: Annotated[float, typer.Option(min=0.1, max=4, help="Width multiplier, of a backbone that has one.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a network's layers as the papers do, with dilation, receptive field, MAdds and parameters."""
    from segkit.benchmark.published import CLASSIFIERS
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
        say(json.dumps({"rows": [asdict(row) for row in rows], **totals}))
        return
    header = ("input", "operator", "t", "c", "n", "s", "dilation", "receptive field", "MAdds", "params")
    show([Sheet(header, tuple(map(_cells, rows)), left=2)], width=140)
    say(
        f"parameters {millions(totals['params'])}, MAdds {totals['madds_exact'] / 1e6:.1f}M exact, "
        f"{totals['madds_tensorflow'] / 1e6:.1f}M in TensorFlow's accounting"
    )
    for known in CLASSIFIERS:
        if known.backbone == backbone and output_stride is None and classes is None and width == 1:
            say(f"published: {known.madds:g}M MAdds, {known.parameters}M parameters. {known.note}")


def _cells(row: "LayerRow") -> tuple[str, ...]:
    height, width, channels = row.input
    return (
        f"{height}x{width}x{channels}",
        row.operator,
        *("-" if cell is None else str(cell) for cell in (row.t, row.c, row.n, row.s, row.dilation)),
        "whole" if row.receptive_field is None else str(row.receptive_field),
        f"{row.madds / 1e6:.2f}M",
        f"{row.params:,}",
    )


def _network(
    backbone: str, *, output_stride: int | None, aspp: bool, classes: int | None, width: float
) -> "Classifier | DeepLabV3":
    from segkit.base.labels import default_classes
    from segkit.models.build import backbone_options, build_classifier, build_network
    from segkit.models.options import BACKBONES

    if backbone not in BACKBONES:
        raise ConfigError(f"{backbone}: is no backbone: choose one of {', '.join(BACKBONES)}")
    if width != 1 and "width" not in backbone_options(backbone):
        raise ConfigError(f"--width {width:g}: {backbone} has no width multiplier")
    check_output_stride(output_stride)
    if aspp and output_stride is None:
        raise ConfigError("--aspp: belongs to the segmentation form: give --os too")
    options = {} if width == 1 else {"width": width}
    if output_stride is None:
        return build_classifier(backbone, num_classes=classes or 1000, options=options)
    names = default_classes(classes or 21)
    return build_network(backbone, classes=names, aspp=aspp, output_stride=output_stride, options=options)
