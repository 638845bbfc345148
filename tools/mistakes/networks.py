"""The network under a mistake: the loaded network with one thing changed, before its batch norm is folded."""

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import torch
from torch import nn

from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.folding import prepare_to_predict
from segkit.models.layers import Conv

TORCH_EPS = 1e-5
"""PyTorch's default of batch norm; TensorFlow's MobileNets were trained with 1e-3."""


def dilate_whole_stages(network: DeepLabV3) -> None:
    """Give each convolution that lost its stride the dilation of those after it, where the rule keeps its input's.

    The other convolutions of a stage are dilated by the rule too.
    """
    convolutions = [layer for layer in network.get_submodule("backbone").modules() if _looks_around(layer)]
    for conv, following in pairwise(convolutions):
        if conv.dilation[0] < following.dilation[0]:
            conv.dilation = following.dilation
            conv.padding = following.padding


def pad_symmetrically(network: DeepLabV3) -> None:
    """Pad strided convolutions by one pixel on each side whatever the size, as PyTorch's `padding=1` does."""
    for layer in network.modules():
        if isinstance(layer, Conv) and layer.pads_itself:
            layer.pads_itself = False
            layer.padding = tuple(side // 2 for side in layer.kernel_size)


def forget_eps(network: DeepLabV3) -> None:
    """Put PyTorch's epsilon into the batch norm of the backbone."""
    for layer in network.get_submodule("backbone").modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = TORCH_EPS


def normalise_like_imagenet(network: DeepLabV3) -> None:
    """Normalise by ImageNet's mean and deviation."""
    for buffer, values in ((network.mean, IMAGENET_MEAN), (network.std, IMAGENET_STD)):
        buffer.copy_(torch.tensor(values).view_as(buffer))


VARIANTS: dict[str, tuple[int, Callable[[DeepLabV3], None] | None]] = {
    "os16": (16, None),
    "os8": (8, None),
    "dilated_os16": (16, dilate_whole_stages),
    "dilated_os8": (8, dilate_whole_stages),
    "symmetric": (16, pad_symmetrically),
    "imagenet": (16, normalise_like_imagenet),
    "eps": (16, forget_eps),
}
"""The output stride, and what is changed."""

Networks = Callable[[str], DeepLabV3]
"""Gives the network of a name in VARIANTS, ready to predict."""


def networks(load: Callable[[int], DeepLabV3], device: torch.device) -> Networks:
    """The variants of the network that `load(output_stride)` loads afresh, each made when it is first asked for."""

    @cache
    def variant(name: str) -> DeepLabV3:
        output_stride, change = VARIANTS[name]
        network = load(output_stride)
        if change is not None:
            change(network)
        return prepare_to_predict(network).to(device)  # which folds batch norm, so nothing could be changed after it

    return variant


def _looks_around(layer: nn.Module) -> bool:
    return isinstance(layer, Conv) and layer.kernel_size != (1, 1)
