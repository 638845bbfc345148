"""MobileNetV2 (https://arxiv.org/abs/1801.04381, table 2)."""

from typing import Any, ClassVar

from torch import Tensor, nn

from segkit.models.atrous import atrous_plan
from segkit.models.backbone import Backbone, Block
from segkit.models.layers import ConvNormAct, depthwise
from segkit.models.options import Divisor, Epsilon, Padding, Width

# Expansion t, output channels c, repeats n, stride s of the first of them: the rows of the paper's table 2.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
LAST_CHANNELS = 1280


def scaled_channels(channels: int, width: float, divisor: int) -> int:
    """`channels` times `width`, rounded to a multiple of `divisor` but never below 90 % of the product.

    slim's `_make_divisible`. DeepLab's networks are not rounded (`divisor` 1: the official x0.5 tflite has 12 channels
    where rounding to 8 gives 16); the classifiers of slim and torchvision round to 8.
    """
    product = channels * width
    rounded = max(divisor, int(product + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * product else rounded


class InvertedResidual(Block):
    """Expand by `expansion` (1: not at all), depthwise 3x3, project without activation; residual where shapes allow."""

    operator = "bottleneck"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        expansion: int,
        stride: int,
        dilation: int,
        padding: Padding,
        eps: float,
        residual: bool,
    ) -> None:
        super().__init__()
        self.expansion = expansion
        self.residual = residual
        hidden = in_channels * expansion
        self.expand: nn.Module = (
            ConvNormAct(in_channels, hidden, eps=eps, activation="relu6") if expansion > 1 else nn.Identity()
        )
        self.depthwise = depthwise(hidden, stride=stride, dilation=dilation, padding=padding, eps=eps)
        self.project = ConvNormAct(hidden, out_channels, eps=eps, activation="none", ends_residual=residual)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H / stride, W / stride)."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class MobileNetV2(Backbone):
    """The 320-channel map of MobileNetV2 (times `width`), at any output stride with the same weights.

    `output_stride` is 8, 16 or 32; `width` multiplies all channels, rounded to `divisor`; `padding` and `eps` are the
    weights': "tensorflow" and 1e-3 for TensorFlow's, "symmetric" and 1e-5 for torchvision's.
    """

    title = "MobileNetV2"
    classifier_options: ClassVar[dict[str, Any]] = {"divisor": 8}

    def __init__(
        self,
        output_stride: int,
        *,
        width: Width = 1.0,
        divisor: Divisor = 1,
        padding: Padding = "symmetric",
        eps: Epsilon = 1e-3,
    ) -> None:
        super().__init__()
        self.output_stride = output_stride
        units = [(t, c, s if i == 0 else 1) for t, c, n, s in STAGES for i in range(n)]
        plan = atrous_plan((2, *(stride for _, _, stride in units)), output_stride)
        channels = scaled_channels(32, width, divisor)
        self.stem = ConvNormAct(3, channels, 3, stride=plan[0][0], padding=padding, eps=eps, activation="relu6")
        blocks = []
        for (expansion, out_channels, own_stride), (stride, dilation) in zip(units, plan[1:], strict=True):
            out_channels = scaled_channels(out_channels, width, divisor)
            blocks.append(
                InvertedResidual(
                    channels,
                    out_channels,
                    expansion=expansion,
                    stride=stride,
                    dilation=dilation,
                    padding=padding,
                    eps=eps,
                    # A block that lost its stride has no residual either: the classifier had none there.
                    residual=own_stride == 1 and channels == out_channels,
                )
            )
            channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.out_channels = channels
        self.last_channels = scaled_channels(LAST_CHANNELS, max(width, 1.0), 8)  # slim never shrinks it

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W), normalised -> (N, 320 * width, H / output_stride, W / output_stride), rounded up."""
        return self.blocks(self.stem(x))

    def classifier_layer(self) -> ConvNormAct:
        """The 1x1 convolution to 1280 channels (times `width` above 1)."""
        return ConvNormAct(self.out_channels, self.last_channels, eps=self.stem.norm.eps, activation="relu6")
