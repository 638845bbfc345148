"""The classifier form of the backbones: what they were pretrained as, and what the papers' first tables describe."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segkit.models.deeplabv3 import Backbone
from segkit.models.layers import ConvNormAct
from segkit.models.mobilenet_v2 import scaled_channels

V2_LAST_CHANNELS = 1280


class Classifier(nn.Module):
    """A backbone at output stride 32, for MobileNetV2 the 1x1 convolution to 1280 channels, the mean, the logits.

    `mean` and `std` are RGB, on 0..255; `architecture` as in `DeepLabV3`.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: Backbone,
        *,
        num_classes: int,
        last_channels: int | None,
        mean: Sequence[float],
        std: Sequence[float],
        eps: float,
        architecture: dict[str, object] | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.backbone = backbone
        channels = backbone.out_channels
        self.last: nn.Module = nn.Identity()
        if last_channels is not None:
            self.last = ConvNormAct(channels, last_channels, eps=eps, activation="relu6")
            channels = last_channels
        self.classifier = nn.Linear(channels, num_classes)
        self.architecture = dict(architecture or {})

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W), RGB in 0..255, uint8 or float -> logits (N, num_classes)."""
        x = (images.float() - self.mean) / self.std
        return self.classifier(self.last(self.backbone(x)).mean((2, 3)))


def last_channels(backbone: str, width: float = 1.0) -> int | None:
    """Channels of the convolution between backbone and mean: 1280 in MobileNetV2 (times `width` above 1), else None."""
    if backbone != "mobilenet_v2":
        return None
    return scaled_channels(V2_LAST_CHANNELS, max(width, 1.0), 8)
