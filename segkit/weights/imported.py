"""What a file of weights turns into, whoever wrote it: plain values and tensors in segkit's names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from segkit.base.labels import Palette
from segkit.base.pictures import Stretch
from segkit.models.build import build_network
from segkit.models.deeplabv3 import DeepLabV3

PROJECTION = "head.projection.conv.weight"
"""What every head has, with the atrous branches or without."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A network's weights and all that is needed to build it and to use it rightly.

    `tensors` are in the names of `DeepLabV3`, of `Classifier`, or only those of the backbone, which `form` tells.
    `aspp` tells whether the head has the atrous branches, `options` are those of the backbone's class; `mean` and `std`
    are RGB on 0..255; `canvas` is a side in pixels; `output_stride` is what it was trained at, 16 where the file does
    not tell, as published networks were; `stretch` is that of `PictureNetwork`.
    """

    source: str
    backbone: str
    aspp: bool = False
    options: dict[str, Any]
    tensors: dict[str, Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...] | None = None
    palette: Palette | None = None
    canvas: int | None = None
    output_stride: int = 16
    stretch: Stretch | None = None
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def form(self) -> Literal["segmentation network", "classifier", "backbone"]:
        """What the tensors are of; the logits of a segmentation network may be missing."""
        if PROJECTION in self.tensors:
            return "segmentation network"
        return "classifier" if "classifier.weight" in self.tensors else "backbone"

    @property
    def what(self) -> str:
        """The same in words, such as "a mobilenet_v2 classifier"."""
        return f"a {self.backbone} {self.form}"

    @property
    def num_classes(self) -> int | None:
        """Outputs of the logits layer, None where the file has none."""
        bias = self.tensors.get("classifier.bias")
        return None if bias is None or bias.ndim != 1 else len(bias)

    def build_network(
        self, classes: Sequence[str], *, output_stride: int | None = None, canvas: int | None = None
    ) -> DeepLabV3:
        """The network that the tensors are of, with fresh weights; what is given goes before what the file tells."""
        network = build_network(
            self.backbone,
            classes=classes,
            palette=self.palette,
            aspp=self.aspp,
            output_stride=output_stride or self.output_stride,
            options=self.options,
            mean=self.mean,
            std=self.std,
            canvas=canvas or self.canvas,
        )
        network.stretch = self.stretch
        return network
