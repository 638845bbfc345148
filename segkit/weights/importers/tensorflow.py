"""TensorFlow variable names (DeepLab's and slim's checkpoints, as safetensors or npz of HWIO arrays).

Names and layouts as in https://github.com/tensorflow/models/tree/master/research/deeplab and slim/nets.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from segkit.models.build import TENSORFLOW_MEAN, TENSORFLOW_STD
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
# What an optimiser or a moving average leaves beside the variables in a training checkpoint.
_SLOT = re.compile(r"/(Momentum|RMSProp(_1)?|ExponentialMovingAverage|Adam(_1)?)$|^global_step$|/biased$|/local_step$")


def _prepare(variables: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's variables in torch's layouts, "SCOPE.conv.weight" and so on; without what a training leaves."""
    return {_name(name): _transpose(name, tensor) for name, tensor in variables.items() if not _SLOT.search(name)}


def _name(name: str) -> str:
    match = _VARIABLE.match(name)
    return f"{match['scope']}.{_LAST[match['last']]}" if match else name


def _transpose(name: str, tensor: Tensor) -> Tensor:
    if name.endswith("/depthwise_weights"):  # HWC1 -> C1HW
        return tensor.permute(2, 3, 0, 1).contiguous()
    if name.endswith("/weights"):  # HWIO -> OIHW
        return tensor.permute(3, 2, 0, 1).contiguous()
    return tensor


def _naming(backbone: str, mark: str, logits: str, units: Mapping[str, str], divisors: tuple[int, ...] = ()) -> Naming:
    layers = with_parts({**units, **_HEAD}, conv="conv", norm="norm")
    return Naming(
        backbone=backbone,
        marks=frozenset({mark}),
        layers={**layers, "logits/semantic.conv": "classifier", f"{logits}.conv": "classifier"},
        prepare=_prepare,
        options={"padding": "tensorflow", "eps": 1e-3},
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
)
