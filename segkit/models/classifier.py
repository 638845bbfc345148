"""The classifier form of the backbones: what they were pretrained as, and what the papers' first tables describe."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segkit.models.backbone import Backbone


class Classifier(nn.Module):
    """A backbone at output stride 32, the layer that its class has for this form, the mean, the logits.

    `mean` and `std` are RGB, on 0..255; `architecture` as in `DeepLabV3`.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: Backbone,
        *,
        num_classes: int,
        mean: Sequence[float],
        std: Sequence[float],
        architecture: dict[str, object] | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.backbone = backbone
        last = backbone.classifier_layer()
        self.last = nn.Identity() if last is None else last
        channels = backbone.out_channels if last is None else last.conv.out_channels
        self.classifier = nn.Linear(channels, num_classes)
        self.architecture = dict(architecture or {})

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W), RGB in 0..255, uint8 or float -> logits (N, num_classes)."""
        x = (images.float() - self.mean) / self.std
        return self.classifier(self.last(self.backbone(x)).mean((2, 3)))
