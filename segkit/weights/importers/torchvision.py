"""torchvision's names: `mobilenet_v2`, `resnet101` and `deeplabv3_resnet101`.

Names as in https://github.com/pytorch/vision/tree/main/torchvision/models. Of `deeplabv3_resnet101` the backbone and
the ASPP are taken: behind them torchvision has another 3x3 convolution, which DeepLabv3 has not, so its logits and
the auxiliary classifier do not fit.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD
from segkit.weights.imported import Weights
from segkit.weights.importers.widths import mobilenet_v2_width

SOURCE = "torchvision"

RESNET_OPTIONS = {"strided_unit": "first", "multi_grid": (1, 1, 1), "eps": 1e-5}
"""What torchvision's and timm's ResNets have in common; their stems differ."""

_RESNET_LAYERS = {
    "conv1": "reduce.conv",
    "bn1": "reduce.norm",
    "conv2": "spatial.conv",
    "bn2": "spatial.norm",
    "conv3": "expand.conv",
    "bn3": "expand.norm",
    "downsample.0": "shortcut.conv",
    "downsample.1": "shortcut.norm",
}
_RESNET_STEM = {"conv1": "stem.0.conv", "bn1": "stem.0.norm"}
_FIRST_UNIT = {"0.0": "depthwise.conv", "0.1": "depthwise.norm", "1": "project.conv", "2": "project.norm"}
_UNIT = {
    "0.0": "expand.conv",
    "0.1": "expand.norm",
    "1.0": "depthwise.conv",
    "1.1": "depthwise.norm",
    "2": "project.conv",
    "3": "project.norm",
}
_PROJECTION = "head.projection.conv.weight"

_DROPPED = re.compile(r"^(aux_classifier|classifier\.[1-4])\.")

_MOBILENET = "features.1.conv.0.0.weight"
_DEEPLAB = "classifier.0.convs.0.0.weight"
# The 23rd unit of the third block, which a ResNet-50 has not.
_RESNET = "layer3.22.conv1.weight"


def matches(names: set[str]) -> bool:
    """Whether these are torchvision's names of one of the three networks."""
    resnet = {"conv1.weight", _RESNET} <= names
    deeplab = {"backbone.conv1.weight", f"backbone.{_RESNET}", _DEEPLAB} <= names
    return _MOBILENET in names or resnet or deeplab


def convert(tensors: Mapping[str, Tensor]) -> Weights:
    """The weights in segkit's names; KeyError where an expected tensor is missing."""
    options: dict[str, object] = {"stem": "7x7", **RESNET_OPTIONS}
    if _MOBILENET in tensors:
        named = {rename_mobilenet_v2(name): tensor for name, tensor in tensors.items()}
        options = {"padding": "symmetric", "eps": 1e-5, **mobilenet_v2_width(named, divisors=(8,))}
    elif _DEEPLAB in tensors:
        named = {_rename_deeplab(name): tensor for name, tensor in tensors.items() if not _DROPPED.match(name)}
        named[_PROJECTION] = _pooling_first(named[_PROJECTION])
    else:
        named = {_rename_resnet(name): tensor for name, tensor in tensors.items()}
    return Weights(
        source=SOURCE,
        backbone="mobilenet_v2" if _MOBILENET in tensors else "resnet101",
        options=options,
        tensors=named,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


def rename_resnet(name: str, stem: Mapping[str, str]) -> str:
    """A name of a ResNet's tensor, in the names that torchvision and timm share, turned into segkit's.

    `stem` maps the layers of the stem to segkit's.
    """
    layer, _, last = name.rpartition(".")
    if layer == "fc":
        return f"classifier.{last}"
    if layer in stem:
        return f"backbone.{stem[layer]}.{last}"
    match = re.match(r"^layer([1-4])\.(\d+)\.(.+)$", layer)
    if match and match[3] in _RESNET_LAYERS:
        return f"backbone.blocks.{int(match[1]) - 1}.{match[2]}.{_RESNET_LAYERS[match[3]]}.{last}"
    return name  # unknown: kept, so that the loader names it as unexpected


def _rename_resnet(name: str) -> str:
    return rename_resnet(name, _RESNET_STEM)


def _rename_deeplab(name: str) -> str:
    if name.startswith("backbone."):
        return _rename_resnet(name.removeprefix("backbone."))
    if match := re.match(r"^classifier\.0\.convs\.([0-3])\.([01])\.(\w+)$", name):
        return f"head.branches.{match[1]}.{'norm' if match[2] == '1' else 'conv'}.{match[3]}"
    if match := re.match(r"^classifier\.0\.convs\.4\.([12])\.(\w+)$", name):
        return f"head.image_pooling.{'norm' if match[1] == '2' else 'conv'}.{match[2]}"
    if match := re.match(r"^classifier\.0\.project\.([01])\.(\w+)$", name):
        return f"head.projection.{'norm' if match[1] == '1' else 'conv'}.{match[2]}"
    return name


def rename_mobilenet_v2(name: str) -> str:
    """A name of a MobileNetV2's tensor turned into segkit's; one that is unknown is kept, and named as unexpected."""
    if match := re.match(r"^classifier\.1\.(weight|bias)$", name):
        return f"classifier.{match[1]}"
    if match := re.match(r"^features\.(0|18)\.([01])\.(\w+)$", name):
        layer = "backbone.stem" if match[1] == "0" else "last"
        return f"{layer}.{'norm' if match[2] == '1' else 'conv'}.{match[3]}"
    if match := re.match(r"^features\.(\d+)\.conv\.([\d.]+)\.(\w+)$", name):
        block = int(match[1]) - 1
        layers = _UNIT if block > 0 else _FIRST_UNIT  # the first has nothing to expand
        if match[2] in layers:
            return f"backbone.blocks.{block}.{layers[match[2]]}.{match[3]}"
    return name


def _pooling_first(weight: Tensor) -> Tensor:
    """The projection's weight for maps concatenated as ours are: image pooling, which torchvision has last, first."""
    channels = weight.shape[1] // 5
    return torch.cat([weight[:, -channels:], weight[:, :-channels]], dim=1)
