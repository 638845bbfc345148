"""Tensors put into a network: all of them and no other, or what of them has a place."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from segkit.base.errors import WeightsError
from segkit.models.deeplabv3 import DeepLabV3
from segkit.weights.imported import PROJECTION


def fitting_head(network: DeepLabV3, tensors: Mapping[str, Tensor], *, same_classes: bool) -> dict[str, Tensor]:
    """Those of `tensors` outside the backbone that the network has a place for; of the logits only where wanted."""
    own = network.state_dict()
    fitting = {}
    for name, tensor in tensors.items():
        if name.startswith("backbone.") or name not in own:
            continue
        if name.startswith("classifier.") and not same_classes:
            continue
        if name == PROJECTION:
            tensor = _with_inputs(tensor, own[name])
        if own[name].shape == tensor.shape:
            fitting[name] = tensor
    return fitting


def _with_inputs(projection: Tensor, own: Tensor) -> Tensor:
    """The projection of a network without ASPP for one with it, or the reverse: the atrous branches' inputs come last.

    Those that the file has not got start at zero, so that the network starts as the function that the file holds; they
    learn from the first step, and the fresh branches behind them from the second.
    """
    if projection.ndim != own.ndim:
        return projection
    resized = torch.zeros_like(own)
    inputs = min(projection.shape[1], own.shape[1])
    if projection[:, :inputs].shape != own[:, :inputs].shape:
        return projection
    resized[:, :inputs] = projection[:, :inputs]
    return resized


def load_all(module: nn.Module, tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Put `tensors` into `module`, all of them and no other; WeightsError names what does not fit."""
    own = module.state_dict()
    # Batch norm counts its batches only for momentum=None, which segkit does not use, and TensorFlow has no such count.
    counters = {name for name in own if name.endswith(".num_batches_tracked")}
    missing = sorted(set(own) - set(tensors) - counters)
    unexpected = sorted(set(tensors) - set(own))
    shapes = [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
        for name in sorted(set(own) & set(tensors))
        if own[name].shape != tensors[name].shape
    ]
    # Numbers of another kind (an 8-bit file's, say) are no weights without the scales that go with them.
    kinds = [
        f"{name} has {tensor.dtype}, not floats"
        for name, tensor in sorted(tensors.items())
        if name not in counters and not _has_floats(tensor)
    ]
    problems = [
        *(f"{name} is missing" for name in missing),
        *(f"{name} is not expected" for name in unexpected),
        *shapes,
        *kinds,
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise WeightsError(f"{path}: does not fit the network: {'; '.join(problems[:3])}{more}")
    floats = {name: tensor.to(torch.float32) for name, tensor in tensors.items()}
    for name, tensor in floats.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(
                f"{path}: {name} holds numbers that are not finite, as a training leaves them that went wrong: take an "
                "earlier file"
            )
    module.load_state_dict({**own, **floats})


def _has_floats(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.layout == torch.strided and not tensor.is_meta
