"""The classifier form of the backbones: what they were pretrained as, and what the papers' first tables describe."""

from collections.abc import Sequence

from torch import Tensor, nn

from segkit.models.backbone import Backbone
from segkit.models.layers import PictureNetwork


class Classifier(PictureNetwork):
    """A backbone at output stride 32, the layer that its class has for this form, the mean, the logits.

    `architecture` is as in `DeepLabV3`.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        num_classes: int,
        mean: Sequence[float],
        std: Sequence[float],
        architecture: dict[str, object] | None = None,
    ) -> None:
        super().__init__(mean=mean, std=std)
        self.backbone = backbone
        last = backbone.classifier_layer()
        self.last = nn.Identity() if last is None else last
        channels = backbone.out_channels if last is None else last.conv.out_channels
        self.classifier = nn.Linear(channels, num_classes)
        self.architecture = dict(architecture or {})

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W), RGB in 0..255, uint8 or float -> logits (N, num_classes)."""
        return self.classifier(self.last(self.backbone(self.normalise(images))).mean((2, 3)))
