"""What a prediction costs: multiply-adds over all its passes, in both accountings and by part."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from segkit.base.labels import VOC_CLASSES
from segkit.benchmark.published import Network, Setting
from segkit.evaluation.geometry import scaled_side
from segkit.models.atrous import aspp_rates
from segkit.models.backbone import Backbone
from segkit.models.complexity import count_parameters, madds_by_part, sum_madds, trace
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.mobilenet_v2 import MobileNetV2

SIZE = (513, 513)
"""Height and width of the pictures that the published multiply-adds are of."""


@dataclass(frozen=True)
class Cost:
    """Parameters, and the multiply-adds of one picture in the exact and in TensorFlow's accounting.

    `parts` are those of TensorFlow's accounting by part of the network (see `madds_by_part`).
    """

    parameters: int
    exact: int
    tensorflow: int
    parts: dict[str, int]

    def to_json(self) -> dict[str, int]:
        """Plain data, without the parts."""
        return {"parameters": self.parameters, "madds_exact": self.exact, "madds_tensorflow": self.tensorflow}


def prediction_cost(
    model: DeepLabV3, *, size: tuple[int, int] = SIZE, scales: Sequence[float] = (1.0,), flip: bool = False
) -> Cost:
    """The cost of `predict` on one picture whose canvas is `size` (height, width)."""
    passes = 2 if flip else 1
    exact = tensorflow = 0
    parts: dict[str, int] = {}
    for scale in scales:
        height, width = (scaled_side(side, scale, model.side_step) for side in size)
        calls = trace(model, (height, width))
        exact += passes * sum_madds(calls, "exact")
        tensorflow += passes * sum_madds(calls, "tensorflow")
        for part, madds in madds_by_part(calls, "tensorflow").items():
            parts[part] = parts.get(part, 0) + passes * madds
    return Cost(count_parameters(model), exact, tensorflow, parts)


@cache
def network_cost(
    network: Network, setting: Setting, *, size: tuple[int, int] = SIZE, classes: tuple[str, ...] = VOC_CLASSES
) -> Cost:
    """The cost of `predict` with a network under a setting, on one picture whose canvas is `size` (height, width)."""
    model = _without_weights(network, setting.output_stride, classes)
    return prediction_cost(model, size=size, scales=setting.scales, flip=setting.mf)


@cache
def _without_weights(network: Network, output_stride: int, classes: tuple[str, ...]) -> DeepLabV3:
    with torch.device("meta"):
        return network.build(output_stride, classes=classes)


@cache
def wide_head_cost(setting: Setting) -> Cost:
    """MobileNetV2 with ASPP built on its last map, of 1280 channels, instead of the 320 before it."""
    with torch.device("meta"):
        model = DeepLabV3(
            _WithLastMap(MobileNetV2(setting.output_stride)),
            rates=aspp_rates(setting.output_stride),
            classes=VOC_CLASSES,
            palette=(),
            mean=(0, 0, 0),
            std=(1, 1, 1),
        )
    return prediction_cost(model, scales=setting.scales, flip=setting.mf)


class _WithLastMap(Backbone):
    """MobileNetV2 with the classifier's 1x1 convolution to 1280 channels."""

    def __init__(self, backbone: MobileNetV2) -> None:
        super().__init__()
        self.backbone = backbone
        self.last = backbone.classifier_layer()
        self.out_channels = backbone.last_channels
        self.output_stride = backbone.output_stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 1280, H / output_stride, W / output_stride)."""
        return self.last(self.backbone(x))
