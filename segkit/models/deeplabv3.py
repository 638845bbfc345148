"""The DeepLabv3 head (https://arxiv.org/abs/1706.05587) and the network around it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segkit.base.labels import Palette
from segkit.models.backbone import Backbone
from segkit.models.layers import ConvNormAct, PictureNetwork
from segkit.models.upsampling import resize, upsampled_labels

HEAD_CHANNELS = 256


class ImagePooling(ConvNormAct):
    """The mean of the whole map, through a 1x1 convolution, at every position."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H, W)."""
        # Not AdaptiveAvgPool2d: its backward pass is not deterministic on CUDA.
        y = self.conv(x.mean((2, 3), keepdim=True))
        if self.training and len(x) * self.norm.ranks.size == 1:
            # One picture gives batch norm one value a channel, which has no variance: use the running statistics.
            norm = self.norm
            y = F.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        else:
            y = self.norm(y)
        return self.act(y).expand(-1, -1, *x.shape[2:])


class Dropout(nn.Dropout):
    """Dropout by a mask that it is given: `keep`, bool, of its input's shape. Without one it draws its own."""

    keep: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        if self.training and self.keep is not None:
            return x * self.keep / (1 - self.p)
        return super().forward(x)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: image pooling, a 1x1 branch and a 3x3 branch for each of `rates`, projected.

    `rates=()` switches ASPP off and leaves image pooling, the 1x1 branch and the projection, as in the published
    MobileNetV2 model without ASPP (2.11M parameters). Branches are concatenated in the order of TF DeepLab.
    """

    def __init__(self, in_channels: int, *, rates: Sequence[int], channels: int = HEAD_CHANNELS) -> None:
        super().__init__()
        self.image_pooling = ImagePooling(in_channels, channels)
        self.branches = nn.ModuleList([ConvNormAct(in_channels, channels)])
        for rate in rates:
            self.branches.append(ConvNormAct(in_channels, channels, 3, dilation=rate))
        self.projection = ConvNormAct(channels * (2 + len(rates)), channels)
        self.dropout = Dropout(0.1)
        self.out_channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, channels, H, W)."""
        branches = [self.image_pooling(x), *(branch(x) for branch in self.branches)]
        return self.dropout(self.projection(torch.cat(branches, dim=1)))


class DeepLabV3(PictureNetwork):
    """A segmentation network: normalisation, backbone, head, logits at the size of the picture.

    It also carries what a caller must know to use it: `classes` and `palette`, the `canvas` (side in pixels of the
    square that pictures are padded to before they are scored; None: the next size that fits the output stride),
    `architecture`, the plain values from which `build_network` builds it again, and `fresh`, the names of those tensors
    of its state dict that no file of weights gave it.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        rates: Sequence[int],
        classes: Sequence[str],
        palette: Palette,
        mean: Sequence[float],
        std: Sequence[float],
        canvas: int | None = None,
        architecture: dict[str, object] | None = None,
    ) -> None:
        super().__init__(mean=mean, std=std)
        self.backbone = backbone
        self.head = ASPP(backbone.out_channels, rates=rates)
        self.classifier = nn.Conv2d(self.head.out_channels, len(classes), 1)
        self.output_stride = backbone.output_stride
        self.classes = tuple(classes)
        self.palette = palette
        self.canvas = canvas
        self.architecture = dict(architecture or {})
        self.fresh = frozenset(self.state_dict())

    @property
    def side_step(self) -> int:
        """It is run at sides of `side_step * k + 1` pixels: 16, or the output stride where that is larger.

        There the corners of the map lie on corners of the picture, TensorFlow's padding and PyTorch's are the same, and
        513 stays 513.
        """
        return max(16, self.output_stride)

    @property
    def fixed_size(self) -> None:
        """Any height and width that fits is taken."""
        return None

    def forward(self, images: Tensor) -> Tensor:
        """Logits for pictures.

        `images` is (N, 3, H, W), RGB in 0..255, uint8 or float, 33 pixels a side or more; the result is float
        (N, classes, H, W), upsampled bilinearly with aligned corners.
        """
        return resize(self.logits(images).float(), images.shape[-2:])

    def labels(self, images: Tensor) -> Tensor:
        """The class with the largest of `forward`'s logits at each pixel, uint8 (N, H, W), found with less work."""
        return upsampled_labels(self.logits(images).float(), images.shape[-2:])

    def logits(self, images: Tensor) -> Tensor:
        """Logits before upsampling: (N, classes, H / output_stride, W / output_stride), rounded up."""
        return self.classifier(self.head(self.backbone(self.normalise(images))))
