"""Networks that are only going to predict: batch norm folded into the convolutions, laid out for the device."""

import copy
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from segkit.base.memory import keep_freed_memory
from segkit.models.complexity import count_parameters
from segkit.models.layers import ConvNormAct, PictureNetwork

Network = TypeVar("Network", bound=nn.Module)


def fold_batch_norm(network: Network) -> Network:
    """A copy that computes the same (to float rounding) without batch norm, each folded into its convolution.

    On a CPU it is about a third faster. It cannot be trained or saved, and knows how many parameters it was made from.
    One that is folded already is copied.
    """
    folded = copy.deepcopy(network).eval()
    if isinstance(folded, PictureNetwork):
        folded.unfolded_parameters = count_parameters(network)
    for block in folded.modules():
        if isinstance(block, ConvNormAct) and not isinstance(block.norm, nn.Identity):
            block.conv = fuse_conv_bn_eval(block.conv, block.norm)
            block.add_module("norm", nn.Identity())
    return folded.requires_grad_(False)


def prepare_to_predict(network: Network) -> Network:
    """A copy that only predicts, as fast as it can: batch norm folded, channels last.

    On a CPU the process keeps the memory it frees from now on, see `keep_freed_memory`.
    """
    if next(network.parameters()).device.type == "cpu":
        keep_freed_memory()
    prepared: Network = fold_batch_norm(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return prepared
