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
from segkit.weights.importers.naming import Naming

SOURCE = "torchvision"

RESNET_OPTIONS = {"strided_unit": "first", "multi_grid": (1, 1, 1), "eps": 1e-5}
"""What torchvision's and timm's ResNets have in common; their stems differ."""

_RESNET_UNIT = {
    "conv1": "reduce.conv",
    "bn1": "reduce.norm",
    "conv2": "spatial.conv",
    "bn2": "spatial.norm",
    "conv3": "expand.conv",
    "bn3": "expand.norm",
    "downsample.0": "shortcut.conv",
    "downsample.1": "shortcut.norm",
}
RESNET = {
    f"layer{block + 1}.{unit}.{theirs}": f"backbone.blocks.{block}.{unit}.{ours}"
    for block, units in enumerate((3, 4, 23, 3))
    for unit in range(units)
    for theirs, ours in _RESNET_UNIT.items()
} | {"fc": "classifier"}
"""The layers of a ResNet behind its stem, which torchvision and timm call alike."""
_RESNET = {"conv1": "backbone.stem.0.conv", "bn1": "backbone.stem.0.norm", **RESNET}

_FIRST_UNIT = {"0.0": "depthwise.conv", "0.1": "depthwise.norm", "1": "project.conv", "2": "project.norm"}
_UNIT = {
    "0.0": "expand.conv",
    "0.1": "expand.norm",
    "1.0": "depthwise.conv",
    "1.1": "depthwise.norm",
    "2": "project.conv",
    "3": "project.norm",
}
MOBILENET_V2 = {
    "features.0.0": "backbone.stem.conv",
    "features.0.1": "backbone.stem.norm",
    **{f"features.1.conv.{theirs}": f"backbone.blocks.0.{ours}" for theirs, ours in _FIRST_UNIT.items()},
    **{
        f"features.{n + 1}.conv.{theirs}": f"backbone.blocks.{n}.{ours}"
        for n in range(1, 17)
        for theirs, ours in _UNIT.items()
    },
    "features.18.0": "last.conv",
    "features.18.1": "last.norm",
    "classifier.1": "classifier",
}
"""The layers of a MobileNetV2."""

_PROJECT = "classifier.0.project.0"
_DEEPLAB = {
    **{f"backbone.{theirs}": ours for theirs, ours in _RESNET.items()},
    **{f"classifier.0.convs.{n}.0": f"head.branches.{n}.conv" for n in range(4)},
    **{f"classifier.0.convs.{n}.1": f"head.branches.{n}.norm" for n in range(4)},
    "classifier.0.convs.4.1": "head.image_pooling.conv",
    "classifier.0.convs.4.2": "head.image_pooling.norm",
    _PROJECT: "head.projection.conv",
    "classifier.0.project.1": "head.projection.norm",
}
_DROPPED = re.compile(r"^(aux_classifier|classifier\.[1-4])\.")


def _prepare_deeplab(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What DeepLabv3 has, with the projection for maps concatenated as ours are: image pooling, their last, first."""
    kept = {name: tensor for name, tensor in tensors.items() if not _DROPPED.match(name)}
    weight = kept[f"{_PROJECT}.weight"]
    kept[f"{_PROJECT}.weight"] = torch.roll(weight, weight.shape[1] // 5, dims=1)
    return kept


# The 23rd unit of the third block, which a ResNet-50 has not.
_RESNET_MARK = "layer3.22.conv1.weight"

NAMINGS = (
    Naming(
        backbone="mobilenet_v2",
        marks=frozenset({"features.1.conv.0.0.weight"}),
        layers=MOBILENET_V2,
        options={"padding": "symmetric", "eps": 1e-5},
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        divisors=(8,),
    ),
    Naming(
        backbone="resnet101",
        marks=frozenset({"backbone.conv1.weight", f"backbone.{_RESNET_MARK}", "classifier.0.convs.0.0.weight"}),
        layers=_DEEPLAB,
        prepare=_prepare_deeplab,
        options={"stem": "7x7", **RESNET_OPTIONS},
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    ),
    Naming(
        backbone="resnet101",
        marks=frozenset({"conv1.weight", _RESNET_MARK}),
        layers=_RESNET,
        options={"stem": "7x7", **RESNET_OPTIONS},
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    ),
)
