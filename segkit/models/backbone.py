"""What a network asks of its backbone. One more is a class here like the others, and a line in `build.py`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from segkit.models.layers import ConvNormAct


class Block(nn.Module):
    """What a backbone repeats: one row of the layer table, called `operator`; where it is None, a row for each layer.

    `expansion` is the table's t.
    """

    operator: str | None = None
    expansion: int | None = None


class Backbone(nn.Module):
    """Pictures (N, 3, H, W), normalised -> (N, out_channels, H / output_stride, W / output_stride), rounded up.

    Its class is called with the output stride and with options: keyword arguments, which all have defaults, and whose
    annotations bound what a recipe or a file of weights may set. `title` is its name in tables; `classifier_options`
    are the options in which its classifier form has other defaults.
    """

    title: ClassVar[str]
    classifier_options: ClassVar[Mapping[str, Any]] = {}
    out_channels: int
    output_stride: int

    def classifier_layer(self) -> ConvNormAct | None:
        """A new layer for between the map and the mean in its classifier form; None: there is none."""
        return None
