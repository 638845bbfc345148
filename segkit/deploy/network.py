"""The one network that every format is made from: what a trained network computes, in as few operations as can be."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from segkit.models.deeplabv3 import ASPP, DeepLabV3
from segkit.models.folding import fold_batch_norm
from segkit.models.layers import Conv, ConvNormAct, MaxPool
from segkit.models.upsampling import resize

Output = Literal["labels", "logits", "probs"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
PADDING = 128
"""What pictures are padded with: the nearest whole number to the 127.5 of TensorFlow's networks."""

_DEAD = 1e-12
"""A depthwise channel of no larger weight adds nothing, and computes with what is too small for normal floats."""


class DeployNetwork(nn.Module):
    """Pictures as programs have them, uint8 (N, H, W, 3) RGB, to what `output` says:

    "labels": the class of each pixel, uint8 (N, H, W); "logits": (N, classes, h, w) float, before they are upsampled
    bilinearly with aligned corners; "probs": (N, classes, H, W) float, summing to one over the classes.

    Sides are `side_step * k + 1` pixels. There the padding of TensorFlow's strided convolutions is 1 on every side, so
    that each is an ordinary one. Batch norm is folded, activations are not in place, normalisation is inside, and the
    projection of image pooling is added where the network concatenates it at every position.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, network: DeepLabV3, *, output: Output = "labels") -> None:
        super().__init__()
        folded = fold_batch_norm(network).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        _make_plain(folded)
        self.output: Output = output
        self.backbone = folded.backbone
        self.head = _Head(folded.head)
        self.classifier = folded.classifier
        self.register_buffer("mean", folded.mean.clone())
        self.register_buffer("scale", 1 / folded.std)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) -> as the class says."""
        x = (image.permute(0, 3, 1, 2).to(self.scale.dtype) - self.mean) * self.scale
        logits: Tensor = self.classifier(self.head(self.backbone(x)))
        if self.output == "logits":
            return logits.float()
        whole = resize(logits.float(), image.shape[1:3])
        return whole.argmax(1).to(torch.uint8) if self.output == "labels" else whole.softmax(1)


class _Head(nn.Module):
    """`ASPP` with its projection split: W [pool, x] = W_pool pool + W_x x, so the pooled vector is never spread out."""

    def __init__(self, head: ASPP) -> None:
        super().__init__()
        self.pooling = head.image_pooling.conv
        self.branches = head.branches
        projection, channels = head.projection.conv, self.pooling.out_channels
        assert projection.bias is not None
        of_pool, of_rest = projection.weight[:, :channels], projection.weight[:, channels:]
        self.pool_projection = _pointwise(of_pool, projection.bias)
        self.projection = _pointwise(of_rest, None)

    def forward(self, x: Tensor) -> Tensor:
        branches = [branch(x) for branch in self.branches]
        rest = branches[0] if len(branches) == 1 else torch.cat(branches, dim=1)
        pooled = torch.relu(self.pooling(x.mean((2, 3), keepdim=True)))
        return torch.relu(self.projection(rest) + self.pool_projection(pooled))


def _pointwise(weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    made = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
    made.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        made.bias = nn.Parameter(bias.detach().clone())
    return made


def _make_plain(network: nn.Module) -> None:
    """Ordinary layers in place of those that look at the size of their input, and nothing in place."""
    for block in network.modules():
        if isinstance(block, ConvNormAct):
            block.add_module("conv", _plain_conv(block.conv))
    for module in [*network.modules()]:
        for name, child in [*module.named_children()]:
            if isinstance(child, MaxPool):
                assert isinstance(child.kernel_size, int)
                module.add_module(name, nn.MaxPool2d(child.kernel_size, child.stride, child.kernel_size // 2))
            elif isinstance(child, nn.ReLU | nn.ReLU6):
                child.inplace = False


def _plain_conv(conv: Conv) -> nn.Conv2d:
    assert conv.bias is not None
    (size, _), (dilation, _) = conv.kernel_size, conv.dilation
    made = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        size,
        conv.stride[0],
        dilation * (size - 1) // 2,
        dilation,
        conv.groups,
    )
    weight = conv.weight.detach().clone()
    if conv.groups > 1:
        weight[weight.abs().amax((1, 2, 3)) <= _DEAD] = 0
    made.weight, made.bias = nn.Parameter(weight), nn.Parameter(conv.bias.detach().clone())
    return made
