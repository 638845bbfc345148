"""MobileNetV1 (https://arxiv.org/abs/1704.04861, table 1)."""

from torch import Tensor, nn

from segkit.models.atrous import atrous_plan
from segkit.models.backbone import Backbone, Block
from segkit.models.layers import ConvNormAct, depthwise
from segkit.models.options import Epsilon, Padding

# Output channels and stride of the 13 separable blocks.
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)


class SeparableBlock(Block):
    """A depthwise 3x3 convolution and a pointwise one, each with batch norm and ReLU6."""

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int, dilation: int, padding: Padding, eps: float
    ) -> None:
        super().__init__()
        self.depthwise = depthwise(in_channels, stride=stride, dilation=dilation, padding=padding, eps=eps)
        self.pointwise = ConvNormAct(in_channels, out_channels, eps=eps, activation="relu6")

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H / stride, W / stride)."""
        return self.pointwise(self.depthwise(x))


class MobileNetV1(Backbone):
    """The 1024-channel map of MobileNetV1, at any output stride with the same weights.

    `output_stride` is 8, 16 or 32; `padding` and `eps` (of the batch norms) are the weights': "tensorflow" or
    "symmetric", and 1e-3 for TensorFlow's, 1e-5 for timm's.
    """

    title = "MobileNetV1"

    def __init__(self, output_stride: int, *, padding: Padding = "symmetric", eps: Epsilon = 1e-3) -> None:
        super().__init__()
        self.output_stride = output_stride
        plan = atrous_plan((2, *(stride for _, stride in BLOCKS)), output_stride)
        channels = 32
        self.stem = ConvNormAct(3, channels, 3, stride=plan[0][0], padding=padding, eps=eps, activation="relu6")
        blocks = []
        for (out_channels, _), (stride, dilation) in zip(BLOCKS, plan[1:], strict=True):
            blocks.append(
                SeparableBlock(channels, out_channels, stride=stride, dilation=dilation, padding=padding, eps=eps)
            )
            channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.out_channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W), normalised -> (N, 1024, H / output_stride, W / output_stride), rounded up."""
        return self.blocks(self.stem(x))
