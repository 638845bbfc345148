"""What a file of weights turns into, whoever wrote it: plain values and tensors in segkit's names."""

from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from segkit.base.labels import Palette

Form = Literal["segmentation", "classifier", "backbone"]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A network's weights and all that is needed to build it and to use it rightly.

    `tensors` are in the names of `DeepLabV3` ("segmentation"), of `Classifier` ("classifier"), or only those of the
    backbone ("backbone"); a "segmentation" file may lack parts of the head, which `complete` tells. `options` are those
    of the backbone's class; `mean` and `std` are RGB on 0..255; `canvas` is a side in pixels.
    """

    source: str
    form: Form
    backbone: str
    options: dict[str, Any]
    tensors: dict[str, Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    aspp: bool = False
    complete: bool = True
    classes: tuple[str, ...] | None = None
    palette: Palette | None = None
    canvas: int | None = None
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def num_classes(self) -> int | None:
        """Outputs of the logits layer, None where the file has none."""
        bias = self.tensors.get("classifier.bias")
        return None if bias is None or bias.ndim != 1 else len(bias)
