"""What a file of weights turns into, whoever wrote it: plain values and tensors in segkit's names."""

from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from segkit.base.labels import Palette


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A network's weights and all that is needed to build it and to use it rightly.

    `tensors` are in the names of `DeepLabV3`, of `Classifier`, or only those of the backbone, which `form` tells.
    `options` are those of the backbone's class; `mean` and `std` are RGB on 0..255; `canvas` is a side in pixels;
    `output_stride` is what it was trained at, 16 where the file does not tell, as published networks were.
    """

    source: str
    backbone: str
    options: dict[str, Any]
    tensors: dict[str, Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...] | None = None
    palette: Palette | None = None
    canvas: int | None = None
    output_stride: int = 16
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def form(self) -> Literal["segmentation network", "classifier", "backbone"]:
        """What the tensors are of; the logits of a segmentation network may be missing."""
        if "head.projection.conv.weight" in self.tensors:
            return "segmentation network"
        return "classifier" if "classifier.weight" in self.tensors else "backbone"

    @property
    def what(self) -> str:
        """The same in words, such as "a mobilenet_v2 classifier"."""
        return f"a {self.backbone} {self.form}"

    @property
    def aspp(self) -> bool:
        """Whether its head has the atrous branches."""
        return "head.branches.1.conv.weight" in self.tensors

    @property
    def num_classes(self) -> int | None:
        """Outputs of the logits layer, None where the file has none."""
        bias = self.tensors.get("classifier.bias")
        return None if bias is None or bias.ndim != 1 else len(bias)
