"""timm's names: `mobilenetv1_100` and `resnet101s`, with their classifiers or without.

Names as in https://github.com/huggingface/pytorch-image-models. Normalisation is that of the pretrained configs, 0.5
for `mobilenetv1_100.ra4_e3600_r224_in1k` and ImageNet's for `resnet101s.gluon_in1k`; batch norm's eps is 1e-5 in
both, padding symmetric.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD, TENSORFLOW_MEAN, TENSORFLOW_STD
from segkit.weights.imported import Weights
from segkit.weights.importers.torchvision import RESNET_OPTIONS, rename_resnet

SOURCE = "timm"

# timm numbers a block within its stage; the first block of each stage, in the order of the paper's table.
_STAGE_STARTS = (0, 1, 3, 5, 11)
_STEM = {"conv_stem": "stem.conv", "bn1": "stem.norm"}
_BLOCK = {"conv_dw": "depthwise.conv", "bn1": "depthwise.norm", "conv_pw": "pointwise.conv", "bn2": "pointwise.norm"}
_RESNET_STEM = {
    "conv1.0": "stem.0.conv",
    "conv1.1": "stem.0.norm",
    "conv1.3": "stem.1.conv",
    "conv1.4": "stem.1.norm",
    "conv1.6": "stem.2.conv",
    "bn1": "stem.2.norm",
}


def matches(names: set[str]) -> bool:
    """Whether these are timm's names of one of the two networks."""
    # The other networks with such a stem are EfficientNets, whose blocks after the first have other layers.
    mobilenet = {"conv_stem.weight", "blocks.4.1.conv_dw.weight", "blocks.1.0.bn2.weight"} <= names
    mobilenet = mobilenet and "blocks.1.0.conv_pwl.weight" not in names
    return mobilenet or {"conv1.0.weight", "layer3.22.conv1.weight"} <= names


def convert(tensors: Mapping[str, Tensor]) -> Weights:
    """The weights in segkit's names."""
    mobilenet = "conv_stem.weight" in tensors
    rename = _rename_mobilenet if mobilenet else _rename_resnet
    named = {rename(name): tensor for name, tensor in tensors.items()}
    return Weights(
        source=SOURCE,
        backbone="mobilenet_v1" if mobilenet else "resnet101",
        options={"padding": "symmetric", "eps": 1e-5} if mobilenet else {"stem": "deep", **RESNET_OPTIONS},
        tensors=named,
        mean=TENSORFLOW_MEAN if mobilenet else IMAGENET_MEAN,
        std=TENSORFLOW_STD if mobilenet else IMAGENET_STD,
    )


def _rename_resnet(name: str) -> str:
    return rename_resnet(name, _RESNET_STEM)


def _rename_mobilenet(name: str) -> str:
    layer, _, last = name.rpartition(".")
    if layer in _STEM:
        return f"backbone.{_STEM[layer]}.{last}"
    match = re.match(r"^blocks\.([0-4])\.(\d+)\.(\w+)$", layer)
    if match and match[3] in _BLOCK:
        return f"backbone.blocks.{_STAGE_STARTS[int(match[1])] + int(match[2])}.{_BLOCK[match[3]]}.{last}"
    return name  # classifier.weight and .bias are the same; unknown: kept, so that the loader names it as unexpected
