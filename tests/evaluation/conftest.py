"""Small models and a data set in memory."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segkit.base.labels import voc_palette
from segkit.data.dataset import Sample
from segkit.models.build import build_network
from segkit.models.deeplabv3 import DeepLabV3

CLASSES = ("sky", "road", "tree", "car")


class ByColour:
    """A segmenter that looks at single pixels only: grey `64 * i` is class i. It keeps the pictures it was given."""

    classes = CLASSES
    palette = voc_palette(len(CLASSES))

    device = torch.device("cpu")

    def __init__(
        self,
        canvas: int | None = None,
        output_stride: int = 16,
        *,
        side_step: int | None = None,
        fixed_size: tuple[int, int] | None = None,
    ) -> None:
        self.canvas = canvas
        self.stretch = None
        self.output_stride = output_stride
        self.side_step = side_step or max(16, output_stride)
        self.fixed_size = fixed_size
        self.mean = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
        self.seen: list[Tensor] = []

    def __call__(self, images: Tensor) -> Tensor:
        self.seen.append(images)
        greys = 64.0 * torch.arange(len(self.classes)).view(1, -1, 1, 1)
        return -((images.mean(1, keepdim=True) - greys) / 32).square()

    def labels(self, images: Tensor) -> Tensor:
        return self(images).argmax(1).to(torch.uint8)


class Pictures:
    """A data set of the samples given."""

    ids: Sequence[str]

    def __init__(self, samples: Sequence[Sample], classes: Sequence[str] = CLASSES) -> None:
        self.samples = list(samples)
        self.classes = tuple(classes)
        self.palette = voc_palette(len(classes))
        self.ids = [sample.name for sample in samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


@pytest.fixture
def by_colour() -> type[ByColour]:
    return ByColour


@pytest.fixture
def pictures() -> type[Pictures]:
    return Pictures


@pytest.fixture(scope="session")
def network() -> Callable[..., DeepLabV3]:
    """A function that gives a small random DeepLabv3 whose logits differ between classes and places."""

    def network(output_stride: int = 16, canvas: int | None = None) -> DeepLabV3:
        torch.manual_seed(0)
        model = build_network(
            "mobilenet_v2",
            classes=CLASSES,
            aspp=False,
            output_stride=output_stride,
            options={"width": 0.5},
            mean=(123.675, 116.28, 103.53),
            canvas=canvas,
        )
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.bias, std=0.5)
        model.eval()
        nn.init.normal_(model.classifier.weight)
        with torch.no_grad():
            logits = model.logits(255 * torch.rand(1, 3, 129, 129))
            spread, middle = logits.std((0, 2, 3)), logits.mean((0, 2, 3))
            model.classifier.weight.div_(spread.view(-1, 1, 1, 1))
            model.classifier.bias.copy_(-middle / spread)
        return model

    return network


@pytest.fixture
def coloured() -> Callable[[np.ndarray], np.ndarray]:
    """A function that gives the picture in which ByColour sees just this label map (0 where it is IGNORE)."""

    def coloured(label: np.ndarray) -> np.ndarray:
        grey = np.where(label < len(CLASSES), 64 * label.astype(np.int64), 0).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)

    return coloured
