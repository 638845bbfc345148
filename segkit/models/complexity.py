"""What a network costs: parameters, and multiply-adds in two accountings.

Both are read off the real modules; for multiply-adds they run once on the meta device (shapes without values) under
forward hooks. There is no second copy of the networks' tables to keep in step, and the model measured is left alone.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.layers import PictureNetwork

Accounting = Literal["exact", "tensorflow"]

_FREE = (nn.BatchNorm2d, nn.ReLU, nn.ReLU6)
"""Layers that cost nothing and keep the shape, but take nine tenths of the time of a pass on the meta device."""


class Call(NamedTuple):
    """One module at work, with what it was given and what it made of it, both on the meta device."""

    module: nn.Module
    given: Tensor
    made: Tensor


def count_parameters(model: nn.Module) -> int:
    """Parameters of `model`: batch norm's gamma and beta are among them, its running statistics are not.

    So counted, the networks of MobileNetV2's table 7 (https://arxiv.org/abs/1801.04381) have the published 11.15M,
    4.52M, 2.11M and 58.16M. The classifiers' published figures are counted otherwise: MobileNetV2's 3.47M leaves batch
    norm out, and MobileNetV1's 4.24M is met by no count (4.21M without batch norm, 4.23M with, 4.25M with its
    statistics too). Of a network whose batch norm was folded they are those before that.
    """
    if isinstance(model, PictureNetwork) and model.unfolded_parameters is not None:
        return model.unfolded_parameters
    return sum(parameter.numel() for parameter in model.parameters())


def count_madds(model: nn.Module, size: tuple[int, int] = (513, 513), *, accounting: Accounting = "exact") -> int:
    """Multiply-adds of one pass over one picture of `size` (height, width).

    Convolutions and linear layers count, biases, batch norm, activations and pooling do not; upsampling the logits
    of a `DeepLabV3` is one multiply-add for each value put out. "exact" counts the positions of each output map;
    "tensorflow" pads the output map of every dilated convolution to a multiple of its dilation, as space-to-batch
    does. That reproduces the figures of MobileNetV2's table 7 to 0.5 %, but for one: no count gives
    MobileNetV1's 941.9B at output stride 8 with multi-scale and flip (990.9B in TensorFlow's accounting, 800.8B exact).
    Raises ValueError for another accounting.
    """
    if accounting not in get_args(Accounting):
        raise ValueError(f"unknown accounting {accounting!r}: choose one of {', '.join(get_args(Accounting))}")
    return sum_madds(trace(model, size), accounting)


def sum_madds(calls: Sequence[Call], accounting: Accounting = "exact") -> int:
    """The multiply-adds of a `trace`."""
    return sum(call_madds(call, accounting) for call in calls) + upsampling_madds(calls[-1])


def madds_by_part(calls: Sequence[Call], accounting: Accounting = "exact") -> dict[str, int]:
    """The multiply-adds of a `trace` of a `DeepLabV3` by part: the backbone's by the scale of the map, then the head's.

    Their sum is `sum_madds`. Raises ValueError for the trace of another network.
    """
    network = calls[-1].module
    if not isinstance(network, DeepLabV3):
        raise ValueError("only a DeepLabV3 has the parts of one")
    side = max(calls[-1].made.shape[-2:])
    head = {
        **dict.fromkeys(network.head.branches[1:].modules(), "atrous branches"),
        **dict.fromkeys(network.head.branches[0].modules(), "1x1 branch"),
        **dict.fromkeys(network.head.image_pooling.modules(), "image pooling"),
        **dict.fromkeys(network.head.projection.modules(), "projection"),
        network.classifier: "logits",
    }
    parts: dict[str, int] = {}
    for call in calls:
        if madds := call_madds(call, accounting):
            step = 2 ** round(math.log2(side / max(call.made.shape[-2:])))  # of a map among 1/2, 1/4, ...
            part = head.get(call.module, f"backbone at 1/{step}")
            parts[part] = parts.get(part, 0) + madds
    return parts | {"upsampling": upsampling_madds(calls[-1])}


def trace(model: nn.Module, size: tuple[int, int]) -> list[Call]:
    """Every module call of one pass over one picture, in the order in which they ended: the network itself comes last.

    The pass is made by a copy of `model`, in evaluation mode and on the meta device; the modules named in the calls are
    those of `model`.
    """
    stand_ins: dict[int, object] = {}  # what `deepcopy` puts in place of copies, by identity: no weights are copied
    for tensor in (*model.parameters(), *model.buffers()):
        blank = torch.empty(tensor.shape, dtype=torch.float32, device="meta")
        stand_ins[id(tensor)] = nn.Parameter(blank) if isinstance(tensor, nn.Parameter) else blank
    for module in model.modules():
        if isinstance(module, _FREE):
            stand_ins[id(module)] = nn.Identity()
    shadow = copy.deepcopy(model, stand_ins).eval()
    modules = dict(model.named_modules())
    calls: list[Call] = []

    def recorder(module: nn.Module) -> Callable[..., None]:
        return lambda _, given, made: calls.append(Call(module, given[0], made))

    for name, module in shadow.named_modules():
        module.register_forward_hook(recorder(modules[name]))
    with torch.no_grad():
        shadow(torch.empty(1, 3, *size, device="meta"))
    return calls


def call_madds(call: Call, accounting: Accounting = "exact") -> int:
    """Multiply-adds of a convolution or a linear layer at one picture, biases aside; 0 for any other module."""
    module = call.module
    if isinstance(module, nn.Linear):
        return module.weight.numel()
    if not isinstance(module, nn.Conv2d):
        return 0
    height, width = call.made.shape[-2:]
    if accounting == "tensorflow":
        down, across = module.dilation
        height, width = -(-height // down) * down, -(-width // across) * across
    return height * width * module.weight.numel()  # each weight is used once for each output position


def upsampling_madds(network: Call) -> int:
    """Multiply-adds of the upsampling in `DeepLabV3.forward`: one for each value put out; 0 for any other module."""
    return network.made.numel() if isinstance(network.module, DeepLabV3) else 0
