"""TensorFlow's variables: DeepLab's and slim's, in checkpoints, frozen graphs, or safetensors or npz of HWIO arrays.

Names, layouts, normalisation, padding and eps as in https://github.com/tensorflow/models/tree/master/research/deeplab
and slim/nets. `resnet_v1_101` is the "beta" form (core/resnet_v1_beta.py there), whose pictures are x / 127.5 - 1: only
the form with a 7x7 stem has ImageNet's mean colour taken off (`_PREPROCESS_FN` in core/feature_extractor.py, commit
965cc3ee). Variables do not tell the dilations in its last block: they are taken to be DeepLabv3's, 1, 2 and 4.
"""

import re
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from segkit.models.build import TENSORFLOW_MEAN, TENSORFLOW_STD
from segkit.models.resnet import UNITS
from segkit.weights.importers.naming import Naming, with_parts

SOURCE = "TensorFlow"

_HEAD = {
    "image_pooling": "head.image_pooling",
    **{f"aspp{n}": f"head.branches.{n}" for n in range(4)},
    "concat_projection": "head.projection",
}
_MOBILENET_V2 = {
    "MobilenetV2/Conv": "backbone.stem",
    **{
        f"MobilenetV2/expanded_conv{f'_{n}' if n else ''}/{part}": f"backbone.blocks.{n}.{part}"
        for n in range(17)
        for part in ("expand", "depthwise", "project")
    },
    "MobilenetV2/Conv_1": "last",
}
_MOBILENET_V1 = {
    "MobilenetV1/Conv2d_0": "backbone.stem",
    **{
        f"MobilenetV1/Conv2d_{n + 1}_{part}": f"backbone.blocks.{n}.{part}"
        for n in range(13)
        for part in ("depthwise", "pointwise")
    },
}
_RESNET_UNIT = {"conv1": "reduce", "conv2": "spatial", "conv3": "expand", "shortcut": "shortcut"}
_RESNET101 = {
    **{f"resnet_v1_101/conv1_{n + 1}": f"backbone.stem.{n}" for n in range(3)},
    **{
        f"resnet_v1_101/block{block + 1}/unit_{n + 1}/bottleneck_v1/{theirs}": f"backbone.blocks.{block}.{n}.{ours}"
        for block, units in enumerate(UNITS)
        for n in range(units)
        for theirs, ours in _RESNET_UNIT.items()
    },
}
_HEAD_EPS = 1e-5
_LAST = {
    "weights": "conv.weight",
    "depthwise_weights": "conv.weight",
    "biases": "conv.bias",
    "BatchNorm/gamma": "norm.weight",
    "BatchNorm/beta": "norm.bias",
    "BatchNorm/moving_mean": "norm.running_mean",
    "BatchNorm/moving_variance": "norm.running_var",
}
_VARIABLE = re.compile(rf"^(?P<scope>.+)/(?P<last>{'|'.join(_LAST)})$")
_LOGITS = re.compile(r"(^|/)logits(/|\.)", re.IGNORECASE)
# What an optimiser or a moving average leaves beside the variables in a training checkpoint, and slim's mean colour.
_SLOT = re.compile(r"/(Momentum|RMSProp(_1)?|Adam(_1)?|biased|local_step|mean_rgb)$|^global_step$")
_AVERAGE = "/ExponentialMovingAverage"


def _prepare(variables: Mapping[str, Tensor], *, eps: float) -> dict[str, Tensor]:
    """The network's variables in torch's layouts, "SCOPE.conv.weight" and so on; without what a training leaves.

    The moving average of a variable goes before it, as in slim's evaluation. `eps` is that of the backbone's batch
    norms.
    """
    averages = {n.removesuffix(_AVERAGE): tensor for n, tensor in variables.items() if n.endswith(_AVERAGE)}
    current = {n: tensor for n, tensor in variables.items() if not n.endswith(_AVERAGE) and not _SLOT.search(n)}
    named = {_name(n): _transpose(n, tensor) for n, tensor in {**current, **averages}.items()}
    for name in [n for n in named if n.endswith(".conv.bias") and not _LOGITS.search(n)]:
        _unfold(named, name.removesuffix(".conv.bias"), eps)
    return named


def _unfold(named: dict[str, Tensor], scope: str, eps: float) -> None:
    """Where a batch norm is folded into a convolution, turn what is left of it, a bias, into one that adds it alone."""
    if f"{scope}.norm.running_var" in named:
        return  # a bias besides, for which there is no place: the loader names it
    bias = named.pop(f"{scope}.conv.bias")
    named |= {
        f"{scope}.norm.weight": torch.ones_like(bias),
        f"{scope}.norm.bias": bias,
        f"{scope}.norm.running_mean": torch.zeros_like(bias),
        f"{scope}.norm.running_var": torch.full_like(bias, 1 - (_HEAD_EPS if scope in _HEAD else eps)),
    }


def _name(name: str) -> str:
    match = _VARIABLE.match(name)
    return f"{match['scope']}.{_LAST[match['last']]}" if match else name


def _transpose(name: str, tensor: Tensor) -> Tensor:
    if name.endswith("/depthwise_weights"):  # HWC1 -> C1HW
        return tensor.permute(2, 3, 0, 1).contiguous()
    if name.endswith("/weights"):  # HWIO -> OIHW
        return tensor.permute(3, 2, 0, 1).contiguous()
    return tensor


def _naming(
    backbone: str,
    mark: str,
    logits: str,
    units: Mapping[str, str],
    *,
    eps: float = 1e-3,
    divisors: tuple[int, ...] = (),
) -> Naming:
    layers = with_parts({**units, **_HEAD}, conv="conv", norm="norm")
    return Naming(
        backbone=backbone,
        marks=frozenset({mark}),
        layers={**layers, "logits/semantic.conv": "classifier", f"{logits}.conv": "classifier"},
        prepare=partial(_prepare, eps=eps),
        options={"padding": "tensorflow", "eps": eps},
        mean=TENSORFLOW_MEAN,
        std=TENSORFLOW_STD,
        canvas=513,  # the square that the official VOC models were trained and scored on
        divisors=divisors,
    )


NAMINGS = (
    _naming(
        "mobilenet_v2",
        "MobilenetV2/Conv/weights",
        "MobilenetV2/Logits/Conv2d_1c_1x1",
        _MOBILENET_V2,
        divisors=(1, 8),  # DeepLab's, slim's classifiers'
    ),
    _naming("mobilenet_v1", "MobilenetV1/Conv2d_0/weights", "MobilenetV1/Logits/Conv2d_1c_1x1", _MOBILENET_V1),
    _naming("resnet101", "resnet_v1_101/conv1_1/weights", "resnet_v1_101/logits", _RESNET101, eps=1e-5),
)
