"""torchvision's segmentation networks as they are: the peers that segkit's own are compared with."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from segkit.base.labels import voc_palette
from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD
from segkit.models.layers import PictureNetwork
from segkit.weights.importers.recognise import unwrapped
from segkit.weights.vision_ops import declare_missing_operators

_SIDE = 257
"""Pixels; what the output stride is measured with."""


class TorchvisionNetwork(PictureNetwork):
    """One of `torchvision.models.segmentation` as a `Segmenter`, with torchvision's own normalisation and upsampling.

    It takes pictures of any size as they are: torchvision pads nothing. (Its own figures are of pictures that were
    resized to 520 pixels on the shorter side.) `output_stride` is what it is built at, which cannot be chosen.
    """

    canvas: int | None = None
    side_step = 1
    fixed_size: None = None

    def __init__(self, network: nn.Module, *, output_stride: int, classes: Sequence[str]) -> None:
        super().__init__(mean=IMAGENET_MEAN, std=IMAGENET_STD)
        self.network = network
        self.output_stride = output_stride
        self.classes = tuple(classes)
        self.palette = voc_palette(len(classes))

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W), RGB in 0..255, uint8 or float -> float logits (N, classes, H, W)."""
        logits: Tensor = self.network(self.normalise(images))["out"]
        return logits.float()

    def labels(self, images: Tensor) -> Tensor:
        """The class with the largest of `forward`'s logits at each pixel, uint8 (N, H, W)."""
        return self(images).argmax(1).to(torch.uint8)

    def logits(self, images: Tensor) -> Tensor:
        """The same before they are upsampled: (N, classes, H / output_stride, W / output_stride), rounded up."""
        return _logits(self.network, self.normalise(images))


class Recognised(NamedTuple):
    """A network of torchvision's of which a file has the tensors, without values yet."""

    name: str
    network: nn.Module
    tensors: Mapping[str, Tensor]
    output_stride: int
    num_classes: int


def recognise_network(tensors: Mapping[str, Tensor]) -> Recognised | None:
    """The network of `torchvision.models.segmentation` whose state dict has exactly these names; None: there is none.

    The auxiliary classifier, which is of use in training alone, is left out.
    """
    tensors = {name: tensor for name, tensor in unwrapped(tensors).items() if not name.startswith("aux_classifier.")}
    # Loading torchvision takes a second: only where the names have its two parts.
    if {name.partition(".")[0] for name in tensors} != {"backbone", "classifier"}:
        return None
    declare_missing_operators()
    from torchvision.models import get_model, list_models, segmentation

    for name in list_models(module=segmentation):
        names = _tensor_names(name)
        if set(names) == tensors.keys():
            bias = names[-1]  # that of the logits comes last
            num_classes = tensors[bias].numel()
            with torch.device("meta"):
                network = get_model(name, weights=None, weights_backbone=None, num_classes=num_classes).eval()
                logits = _logits(network, torch.empty(1, 3, _SIDE, _SIDE))
            output_stride = (_SIDE - 1) // (logits.shape[-1] - 1)
            return Recognised(name, network.to_empty(device="cpu"), tensors, output_stride, num_classes)
    return None


@cache
def _tensor_names(name: str) -> tuple[str, ...]:
    from torchvision.models import get_model

    with torch.device("meta"):
        return tuple(get_model(name, weights=None, weights_backbone=None).state_dict())


def _logits(network: Any, x: Tensor) -> Tensor:
    features = network.backbone(x)
    return network.classifier(features.get("out", features))  # LR-ASPP looks at two maps
