"""segmentation_models_pytorch's DeepLabV3 with MobileNetV2, made so that segkit can train and score it.

The network is `DeepLabV3("mobilenet_v2", encoder_weights=None, encoder_output_stride=8 or 16, classes=N)` of
segmentation_models_pytorch 0.6.0, with its defaults, as read from its source. It differs from segkit's in

* the map that the head stands on: 1280 channels behind the classifier's last convolution, for segkit's 320
* the head: ASPP of 256 channels with plain 3x3 convolutions, and behind it one more 3x3 convolution with batch norm and
  ReLU; dropout 0.5 (segkit: 0.1)
* atrous rates 12, 24, 36 at either output stride (segkit: 6, 12, 18 at 16 and twice that at 8)
* dilation: every convolution of a stage that lost its stride is dilated, the first one too, so that the encoder
  computes another function than the one that was pretrained (segkit: dilated only after the lost stride)
* sides: multiples of the output stride, with logits upsampled by that factor and corners aligned, so that the map
  drifts against the picture, from nothing at the top left to almost a whole cell at the bottom right (segkit: sides of
  16k+1, where the corners of the map are corners of the picture)
* padding: symmetric also at even sides, where TensorFlow, which trained the weights, pads only the end. All sides are
  even here, and no option changes it
* fresh weights: PyTorch's defaults

The pictures are the same to the pixel: they come at segkit's sizes and are padded on the right and at the bottom with
the mean colour, up to the next multiple of the output stride, and the logits are cut. The optimiser sees the encoder as
the backbone, the decoder as the head and the last 1x1 convolution as the classifier. The weights' normalisation and
batch-norm epsilon come with them, the latter for the encoder alone: the head keeps its 1e-5, which is also segkit's.
"""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pydantic
import torch
import torch.nn.functional as F
from pydantic import BaseModel, FiniteFloat, PositiveFloat
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from segkit.base.errors import ConfigError, SegkitError, WeightsError
from segkit.base.files import write_atomically
from segkit.data.dataset import Dataset
from segkit.models.build import TENSORFLOW_MEAN, TENSORFLOW_STD
from segkit.models.layers import PictureNetwork
from segkit.recipe.config import ModelConfig
from segkit.weights.cache import resolve
from segkit.weights.files import read_tensors, read_weights
from segkit.weights.importers.naming import rename
from segkit.weights.importers.torchvision import MOBILENET_V2

KEY = "smp"
"""Of the metadata in the safetensors header of the models."""

# Of the parts below -> the peer's own. The optimiser's rules go by the former.
_NAMES = {"backbone.": "encoder.", "head.": "decoder.", "classifier.": "segmentation_head.0."}


class Start(NamedTuple):
    """What a training starts from: tensors in the peer's names, maybe the encoder's only, and what goes with them.

    `source` is their file; `mean` and `std` are RGB on 0..255, `eps` is that of the encoder's batch norm.
    """

    source: Path | None = None
    tensors: Mapping[str, Tensor] = {}
    mean: tuple[float, ...] = TENSORFLOW_MEAN
    std: tuple[float, ...] = TENSORFLOW_STD
    eps: float = 1e-3


class _About(BaseModel):
    """What is read back of the metadata of a saved model."""

    mean: tuple[FiniteFloat, FiniteFloat, FiniteFloat]
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    eps: PositiveFloat


class SmpDeepLabV3(PictureNetwork):
    """The peer's network with segkit's face: pictures on 0..255 of any size, logits of that size, classes, palette.

    `output_stride` is 8 or 16, `canvas` the side in pixels that evaluation pads to. Raises WeightsError where the
    tensors of `start` do not fit.
    """

    side_step, fixed_size = 16, None  # the pictures come at segkit's sizes

    def __init__(self, dataset: Dataset, *, output_stride: int, start: Start, canvas: int | None = None) -> None:
        super().__init__(mean=start.mean, std=start.std)
        peer = import_smp().DeepLabV3(
            "mobilenet_v2",
            encoder_weights=None,
            encoder_output_stride=output_stride,
            classes=len(dataset.classes),
        )
        for layer in peer.encoder.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = start.eps
        _load(peer, start)
        self.eps = start.eps
        self.backbone, self.head = peer.encoder, peer.decoder
        self.classifier, self.upsample = peer.segmentation_head[0], peer.segmentation_head[1]
        self.output_stride = output_stride
        self.classes = tuple(dataset.classes)
        self.palette = dataset.palette
        self.canvas = canvas
        self.fresh = frozenset(name for name in self.state_dict() if _peer_name(name) not in start.tensors)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W), RGB in 0..255, uint8 or float -> float logits (N, classes, H, W)."""
        height, width = images.shape[-2:]
        return self.upsample(self.logits(images).float())[..., :height, :width]

    def labels(self, images: Tensor) -> Tensor:
        """The class with the largest of them at each pixel, uint8 (N, H, W)."""
        return self(images).argmax(1).to(torch.uint8)

    def logits(self, images: Tensor) -> Tensor:
        """The same before they are upsampled and cut: (N, classes, H / output_stride, W / output_stride)."""
        height, width = images.shape[-2:]
        x = self.normalise(images)
        x = F.pad(x, (0, -width % self.output_stride, 0, -height % self.output_stride))  # 0 is the mean colour
        return self.classifier(self.head(self.backbone(x)))


def import_smp() -> ModuleType:
    """The package segmentation_models_pytorch. Raises SegkitError, which says how to get it, where it is not there."""
    import segkit.weights.vision_ops  # noqa: F401  before torchvision, which the package imports

    try:
        import segmentation_models_pytorch
    except ModuleNotFoundError as error:
        raise SegkitError(
            f"segmentation_models_pytorch cannot be imported (no module {error.name}): install it with "
            "`pip install segmentation-models-pytorch`"
        ) from None
    return segmentation_models_pytorch


def read_start(weights: Path | str) -> Start:
    """What `model.weights` names: a MobileNetV2 that segkit reads, or a model that an earlier run has saved.

    Raises WeightsError for any other file, DownloadError for one that cannot be fetched.
    """
    path = resolve(weights, backbone="mobilenet_v2")
    tensors, metadata = read_tensors(path)
    if KEY in metadata:
        try:
            about = _About.model_validate_json(metadata[KEY])
        except pydantic.ValidationError:
            raise WeightsError(f"{path}: the metadata cannot be used: train the model again") from None
        return Start(path, tensors, about.mean, about.std, about.eps)
    held = read_weights(path)
    if held.backbone != "mobilenet_v2" or "last.conv.weight" not in held.tensors:
        raise WeightsError(
            f"{path}: does not hold a MobileNetV2 with its convolution to 1280 channels, on which the peer's head "
            "stands: give such a file, or the best.safetensors of an earlier run of this program"
        )
    return Start(path, encoder_tensors(held.tensors), held.mean, held.std, float(held.options["eps"]))


def encoder_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A MobileNetV2's tensors in segkit's names -> the encoder's, in the peer's; KeyError where one is missing."""
    names = import_smp().encoders.get_encoder("mobilenet_v2", weights=None).state_dict()
    # TensorFlow has no count of batches, and batch norm needs none.
    return {f"encoder.{n}": tensors[rename(n, MOBILENET_V2)] for n in names if not n.endswith(".num_batches_tracked")}


def save_smp(path: Path, model: SmpDeepLabV3, *, training: dict[str, Any]) -> None:
    """Write the network's state dict as safetensors in the peer's names, with how it was trained; as `save_model`."""
    about = {
        "mean": model.mean.flatten().tolist(),
        "std": model.std.flatten().tolist(),
        "eps": model.eps,
        "output_stride": model.output_stride,
        "classes": model.classes,
        "training": training,
    }
    tensors = {_peer_name(name): tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_atomically(path, save_safetensors(tensors, {KEY: json.dumps(about)}))


def build(config: ModelConfig, dataset: Dataset) -> SmpDeepLabV3:
    """The peer's network for a recipe's `model` section. Raises ConfigError for what the peer has not got."""
    if config.backbone != "mobilenet_v2" or config.options.get("width", 1) != 1:
        raise ConfigError("only mobilenet_v2 at width 1 is compared: set model.backbone=mobilenet_v2 model.width=1")
    if config.output_stride not in (8, 16):
        raise ConfigError(f"model.output_stride={config.output_stride}: the peer has 8 and 16: choose one of them")
    start = Start() if config.weights is None else read_start(config.weights)
    return SmpDeepLabV3(dataset, output_stride=config.output_stride, start=start, canvas=config.canvas)


def _load(peer: nn.Module, start: Start) -> None:
    """Put the tensors in place of the network's own: a whole network's, or only an encoder's."""
    whole = any(not name.startswith("encoder.") for name in start.tensors)
    try:
        peer.load_state_dict(dict(start.tensors) if whole else {**peer.state_dict(), **start.tensors})
    except RuntimeError as error:
        reason = textwrap.shorten(str(error).partition(":")[2], 150)
        raise WeightsError(f"{start.source}: does not fit the network ({reason}): choose another file") from None


def _peer_name(name: str) -> str:
    part = next(part for part in _NAMES if name.startswith(part))
    return _NAMES[part] + name.removeprefix(part)
