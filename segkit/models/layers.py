"""The one block that all networks are made of: convolution, batch norm, activation."""

from collections.abc import Sequence
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segkit.base.errors import ConfigError
from segkit.base.pictures import Stretch
from segkit.models.batch_norm import BatchNorm2d
from segkit.models.options import Padding

FOLDED = "has its batch norm folded in, to predict alone: load_model(..., train=True) gives one to train or to save"
"""What is to be said of a network that was folded, after its name."""

Activation = Literal["relu", "relu6", "none"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "relu6": nn.ReLU6}


class Conv(nn.Conv2d):
    """A convolution without bias, padded to keep (at stride 1) or divide (at stride 2) the size of its input."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        padding: Padding = "symmetric",
    ) -> None:
        # At stride 1 the two rules pad alike, so only a strided convolution has to look at its input's size.
        self.pads_itself = padding == "tensorflow" and stride > 1
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            0 if self.pads_itself else dilation * (kernel_size - 1) // 2,
            dilation,
            groups,
            bias=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, ceil(H / stride), ceil(W / stride))."""
        if self.pads_itself:
            return self._forward_padded_like_tensorflow(x)
        if self._is_dilated_depthwise_learning(x):
            with torch.autocast("cpu", enabled=False):
                return self._forward_by_phases(x.to(self.weight.dtype))
        return super().forward(x)

    def _forward_padded_like_tensorflow(self, x: Tensor) -> Tensor:
        left, right, top, bottom = pads = _tensorflow_pads(x, self.kernel_size[0], self.stride[0])
        if (left, top) != (right, bottom):
            return super().forward(F.pad(x, pads))
        # As at all sides of 16k+1. Padded by the convolution, the map is not copied: a tenth of MobileNetV2's time.
        return F.conv2d(x, self.weight, self.bias, self.stride, (top, left), self.dilation, self.groups)

    def _is_dilated_depthwise_learning(self, x: Tensor) -> bool:
        # oneDNN 3.12 (torch 2.13) has no good weights' gradient of a dilated depthwise convolution in channels last:
        # in float32 it takes five times as long as an undilated one's, and in bfloat16, on CPUs with AVX-512 BF16, it
        # is noise from a width of 29 on. The forward pass is right and fast.
        dilated_depthwise = self.groups > 1 and self.dilation[0] > 1 and self.stride[0] == 1
        learning = torch.is_grad_enabled() and self.weight.requires_grad
        return dilated_depthwise and learning and x.device.type == "cpu"

    def _forward_by_phases(self, x: Tensor) -> Tensor:
        """The same at stride 1: every d-th row and column are a picture of their own, for which nothing is dilated.

        "Space to batch", section 3.1 of https://arxiv.org/abs/1606.00915.
        """
        d, (height, width) = self.dilation[0], x.shape[-2:]
        x = F.pad(x, (0, -width % d, 0, -height % d)).permute(0, 2, 3, 1)
        n, padded_height, padded_width, channels = x.shape
        rows, columns = padded_height // d, padded_width // d
        phases = (
            x.reshape(n, rows, d, columns, d, channels).permute(2, 4, 0, 1, 3, 5).reshape(-1, rows, columns, channels)
        )
        made = F.conv2d(
            phases.permute(0, 3, 1, 2), self.weight, self.bias, padding=self.kernel_size[0] // 2, groups=self.groups
        )
        made = made.permute(0, 2, 3, 1).reshape(d, d, n, rows, columns, -1).permute(2, 3, 0, 4, 1, 5)
        made = made.reshape(n, padded_height, padded_width, -1)[:, :height, :width]
        return made.contiguous().permute(0, 3, 1, 2)  # a batch norm is slow on what is cut out


def _tensorflow_pads(x: Tensor, kernel_size: int, stride: int) -> list[int]:
    """Left, right, top and bottom, as F.pad takes them."""
    pads = []
    for side in (x.shape[-1], x.shape[-2]):
        total = max((-(-side // stride) - 1) * stride + kernel_size - side, 0)
        pads += [total // 2, total - total // 2]
    return pads


class MaxPool(nn.MaxPool2d):
    """Of maps that are nowhere negative, padded by either rule; the zeros then say nothing."""

    def __init__(self, kernel_size: int, *, stride: int, padding: Padding) -> None:
        super().__init__(kernel_size, stride, 0 if padding == "tensorflow" else kernel_size // 2)
        self.pads_itself = (kernel_size, stride) if padding == "tensorflow" else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, ceil(H / stride), ceil(W / stride))."""
        return super().forward(F.pad(x, _tensorflow_pads(x, *self.pads_itself)) if self.pads_itself else x)


class ConvNormAct(nn.Module):
    """Convolution, batch norm and activation, in this order; `activation="none"` leaves the last out.

    `ends_residual` marks the last block of a residual branch, whose fresh batch norm starts at zero (see `initialise`).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        padding: Padding = "symmetric",
        eps: float = 1e-5,
        activation: Activation = "relu",
        ends_residual: bool = False,
    ) -> None:
        super().__init__()
        self.ends_residual = ends_residual
        self.conv = Conv(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            dilation=dilation,
            groups=groups,
            padding=padding,
        )
        self.norm = BatchNorm2d(out_channels, eps=eps)
        self.act = nn.Identity() if activation == "none" else _ACTIVATIONS[activation](inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, ceil(H / stride), ceil(W / stride))."""
        return self.act(self.norm(self.conv(x)))


def depthwise(channels: int, *, stride: int, dilation: int, padding: Padding, eps: float) -> ConvNormAct:
    """The MobileNets' depthwise 3x3 convolution, with batch norm and ReLU6."""
    return ConvNormAct(
        channels,
        channels,
        3,
        stride=stride,
        dilation=dilation,
        groups=channels,
        padding=padding,
        eps=eps,
        activation="relu6",
    )


class PictureNetwork(nn.Module):
    """A network that takes pictures, RGB in 0..255, and normalises them itself: no caller does.

    `mean` and `std` are RGB, on 0..255. They are not in the state dict, since they belong to the weights' metadata.
    `stretch` are the values of pictures of 16 bits that became 0 and 255 in training; None: their high byte was taken.
    `unfolded_parameters` are those of the network that this one was folded from; None where it was not folded.
    """

    mean: Tensor
    std: Tensor
    stretch: Stretch | None = None
    unfolded_parameters: int | None = None

    def __init__(self, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.mean.device

    def train(self, mode: bool = True) -> Self:
        """As any module's. Raises ConfigError for a network that was folded, which only predicts."""
        if mode and self.unfolded_parameters is not None:
            raise ConfigError(f"this network {FOLDED}")
        return super().train(mode)

    def __prepare_scriptable__(self) -> Self:  # what torch.jit.script asks for first
        """Raises ConfigError: scripts of TorchScript's kind are not made of these networks."""
        raise ConfigError(
            "TorchScript, which torch no longer develops, does not take segkit's networks by torch.jit.script: use "
            "segkit export, torch.export.export, or torch.jit.trace for pictures of one size"
        )

    def normalise(self, images: Tensor) -> Tensor:
        """(N, 3, H, W), uint8 or float -> the same in float, what the layers are given."""
        return (images.float() - self.mean) / self.std


def initialise(module: nn.Module) -> None:
    """Fresh weights: He-normal convolutions (fan out, https://arxiv.org/abs/1502.01852), batch norm at identity.

    Residual branches start at zero, so that a deep network starts as a shallow one and learns sooner
    (https://arxiv.org/abs/1706.02677 section 5.1).
    """
    if all(parameter.is_meta for parameter in module.parameters()):
        return  # nothing is there to be drawn, and drawing nothing takes a tenth of a second
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
    for block in module.modules():
        if isinstance(block, ConvNormAct) and block.ends_residual:
            nn.init.zeros_(block.norm.weight)
