"""ResNet-101 (https://arxiv.org/abs/1512.03385), in the forms that public weights come in."""

from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from segkit.models.atrous import atrous_plan
from segkit.models.backbone import Backbone, Block
from segkit.models.layers import ConvNormAct, MaxPool
from segkit.models.options import Epsilon, MultiGrid, Padding, Stem, StridedUnit

UNITS = (3, 4, 23, 3)
"""Units of the four blocks of ResNet-101."""
WIDTHS = (64, 128, 256, 512)
"""Channels of the 3x3 convolutions in the four blocks; a unit puts out four times as many."""
EXPANSION = 4


class Bottleneck(Block):
    """1x1, 3x3 (strided or dilated), 1x1, added to the shortcut, then ReLU.

    The shortcut is a 1x1 convolution where `project`, else the input itself, of which every `stride`-th position is
    taken (slim's `subsample`).
    """

    operator = "bottleneck unit"

    def __init__(
        self, in_channels: int, width: int, *, stride: int, dilation: int, project: bool, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.stride = stride
        out_channels = width * EXPANSION
        self.reduce = ConvNormAct(in_channels, width, eps=eps)
        self.spatial = ConvNormAct(width, width, 3, stride=stride, dilation=dilation, eps=eps)
        self.expand = ConvNormAct(width, out_channels, eps=eps, activation="none", ends_residual=True)
        self.shortcut = (
            ConvNormAct(in_channels, out_channels, stride=stride, eps=eps, activation="none") if project else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, 4 * width, H / stride, W / stride)."""
        shortcut = x[:, :, :: self.stride, :: self.stride] if self.shortcut is None else self.shortcut(x)
        return F.relu(self.expand(self.spatial(self.reduce(x))) + shortcut, inplace=True)


class ResNet101(Backbone):
    """The 2048-channel map of ResNet-101, at any output stride with the same weights.

    `output_stride` is 8, 16 or 32. `stem` is "deep" (three 3x3 convolutions of 64, 64 and 128 channels) or "7x7";
    `strided_unit` says which unit of a block has its stride; `multi_grid` multiplies the dilations of the three units
    of the last block (DeepLabv3, https://arxiv.org/abs/1706.05587 section 3.2.1); `padding` is that of the pooling
    behind the stem: the convolutions of every maker's ResNet pad both sides alike. The defaults are TF DeepLab's "beta"
    form but for `padding`, with which the published table was made; torchvision's weights are ("7x7", "first"), timm's
    `resnet101s` ("deep", "first"). The ImageNet classifier has no `multi_grid`, which is DeepLab's addition.
    """

    title = "ResNet-101"
    classifier_options: ClassVar[dict[str, Any]] = {"multi_grid": (1, 1, 1)}

    def __init__(
        self,
        output_stride: int,
        *,
        stem: Stem = "deep",
        strided_unit: StridedUnit = "last",
        multi_grid: MultiGrid = (1, 2, 4),
        padding: Padding = "symmetric",
        eps: Epsilon = 1e-5,
    ) -> None:
        super().__init__()
        self.output_stride = output_stride
        strides = _block_strides(strided_unit)
        plan = atrous_plan((2, 2, *(s for block in strides for s in block)), output_stride)
        self.stem = _stem(stem, stride=plan[0][0], eps=eps)
        self.pool = MaxPool(3, stride=plan[1][0], padding=padding)
        planned = iter(plan[2:])
        channels = 128 if stem == "deep" else 64
        blocks = []
        for number, (width, block) in enumerate(zip(WIDTHS, strides, strict=True)):
            units = []
            for index in range(len(block)):
                stride, dilation = next(planned)
                if number == len(WIDTHS) - 1:
                    dilation *= multi_grid[index]
                units.append(Bottleneck(channels, width, stride=stride, dilation=dilation, project=index == 0, eps=eps))
                channels = width * EXPANSION
            blocks.append(nn.Sequential(*units))
        self.blocks = nn.Sequential(*blocks)
        self.out_channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W), normalised -> (N, 2048, H / output_stride, W / output_stride), rounded up."""
        return self.blocks(self.pool(self.stem(x)))


def _block_strides(strided_unit: StridedUnit) -> list[list[int]]:
    """The strides that the units of each block have in the classifier; in all, blocks take the stride from 4 to 32."""
    strides = [[1] * units for units in UNITS]
    if strided_unit == "last":
        for block in strides[:3]:
            block[-1] = 2
    else:
        for block in strides[1:]:
            block[0] = 2
    return strides


def _stem(stem: Stem, *, stride: int, eps: float) -> nn.Sequential:
    if stem == "7x7":
        return nn.Sequential(ConvNormAct(3, 64, 7, stride=stride, eps=eps))
    return nn.Sequential(
        ConvNormAct(3, 64, 3, stride=stride, eps=eps),
        ConvNormAct(64, 64, 3, eps=eps),
        ConvNormAct(64, 128, 3, eps=eps),
    )
