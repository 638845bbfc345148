"""TensorFlow variable names (DeepLab's and slim's checkpoints, as safetensors or npz of HWIO arrays).

Names and layouts as in https://github.com/tensorflow/models/tree/master/research/deeplab and slim/nets.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from segkit.models.build import TENSORFLOW_MEAN, TENSORFLOW_STD
from segkit.weights.imported import Weights
from segkit.weights.importers.widths import mobilenet_v2_width

SOURCE = "TensorFlow"
CANVAS = 513
"""The square that the official VOC models were trained and scored on."""

_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
_HEAD = {"image_pooling": "head.image_pooling", "concat_projection": "head.projection"}
_LOGITS = re.compile(r"^(logits/semantic|Mobilenet[vV][12]/Logits/Conv2d_1c_1x1)/(weights|biases)$")
# What an optimiser or a moving average leaves beside the variables in a training checkpoint.
_SLOT = re.compile(r"/(Momentum|RMSProp(_1)?|ExponentialMovingAverage|Adam(_1)?)$|^global_step$|/biased$|/local_step$")


def matches(names: set[str]) -> bool:
    """Whether these are TensorFlow's names."""
    return "MobilenetV2/Conv/weights" in names or "MobilenetV1/Conv2d_0/weights" in names


def convert(tensors: Mapping[str, Tensor]) -> Weights:
    """The weights in segkit's names and layouts; KeyError where an expected tensor is missing."""
    backbone = "mobilenet_v2" if "MobilenetV2/Conv/weights" in tensors else "mobilenet_v1"
    named = rename_tensors(tensors)
    segmentation = "head.projection.conv.weight" in named
    if not segmentation and "classifier.weight" in named:
        named["classifier.weight"] = named["classifier.weight"].flatten(1)  # a 1x1 convolution there, Linear here
    return Weights(
        source=SOURCE,
        backbone=backbone,
        options=_options(backbone, named),
        tensors=named,
        mean=TENSORFLOW_MEAN,
        std=TENSORFLOW_STD,
        canvas=CANVAS if segmentation else None,
    )


def rename_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every variable of the network in segkit's name and layout; those that a training leaves beside them are not."""
    return {_rename(name): _transpose(name, tensor) for name, tensor in tensors.items() if not _SLOT.search(name)}


def _options(backbone: str, named: Mapping[str, Tensor]) -> dict[str, object]:
    options: dict[str, object] = {"padding": "tensorflow", "eps": 1e-3}
    if backbone == "mobilenet_v2":
        options |= mobilenet_v2_width(named, divisors=(1, 8))  # DeepLab's, slim's classifiers'
    return options


def _rename(name: str) -> str:
    if match := _LOGITS.match(name):
        return "classifier." + ("weight" if match[2] == "weights" else "bias")
    layer, _, last = name.rpartition("/")
    if layer.endswith("/BatchNorm") and last in _NORM:
        return f"{_rename_layer(layer.removesuffix('/BatchNorm'))}.norm.{_NORM[last]}"
    if last in ("weights", "depthwise_weights"):
        return f"{_rename_layer(layer)}.conv.weight"
    return name  # unknown: kept, so that the loader names it as unexpected


def _rename_layer(layer: str) -> str:
    if layer in _HEAD:
        return _HEAD[layer]
    if match := re.match(r"^aspp(\d)$", layer):
        return f"head.branches.{match[1]}"
    if layer in ("MobilenetV2/Conv", "MobilenetV1/Conv2d_0"):
        return "backbone.stem"
    if layer == "MobilenetV2/Conv_1":
        return "last"
    if match := re.match(r"^MobilenetV2/expanded_conv(?:_(\d+))?/(expand|depthwise|project)$", layer):
        return f"backbone.blocks.{match[1] or 0}.{match[2]}"
    if match := re.match(r"^MobilenetV1/Conv2d_(\d+)_(depthwise|pointwise)$", layer):
        return f"backbone.blocks.{int(match[1]) - 1}.{match[2]}"
    return layer


def _transpose(name: str, tensor: Tensor) -> Tensor:
    if name.endswith("/depthwise_weights"):  # HWC1 -> C1HW
        return tensor.permute(2, 3, 0, 1).contiguous()
    if name.endswith("/weights"):  # HWIO -> OIHW
        return tensor.permute(3, 2, 0, 1).contiguous()
    return tensor
