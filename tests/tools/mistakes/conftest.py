"""A small network whose batch norm matters, and a picture."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from segkit.data.dataset import Sample
from segkit.evaluation.inference import pad
from segkit.models.build import build_network
from segkit.models.deeplabv3 import DeepLabV3

CLASSES = ("background", "disc", "square", "bar")


@pytest.fixture(scope="session")
def load() -> Callable[..., DeepLabV3]:
    """A function that gives the same random network at any output stride, with TensorFlow's padding and epsilon."""
    start = build()
    for layer in start.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.5)
            layer.momentum = 1.0
    nn.init.normal_(start.classifier.weight, std=0.2)
    hooks = [layer.register_forward_hook(quieten) for layer in start.backbone.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        start.train()(blocks(2, 97, 97))  # which gives batch norm its statistics
        for hook in hooks:
            hook.remove()
        logits = start.eval().logits(pad(blocks(1, 40, 52), start.mean, (65, 65)))
        spread, middle = logits.std((0, 2, 3)), logits.mean((0, 2, 3))
        start.classifier.weight.div_(spread.view(-1, 1, 1, 1))  # so that each class is the likeliest somewhere
        start.classifier.bias.copy_(-middle / spread)

    def load(output_stride: int = 16, **options: object) -> DeepLabV3:
        network = build(output_stride, **options)
        network.load_state_dict(start.state_dict())
        return network.eval()

    return load


def blocks(count: int, height: int, width: int) -> torch.Tensor:
    """Pictures of coloured blocks, (N, 3, H, W) in 0..255."""
    colours = torch.randint(0, 256, (count, 3, 5, 5), generator=torch.Generator().manual_seed(0)).float()
    return torch.nn.functional.interpolate(colours, (height, width), mode="nearest")


def quieten(conv: nn.Module, _: object, output: torch.Tensor) -> torch.Tensor:
    """Bring each channel to a variance of 0.0025, beside which an epsilon of 0.001 matters."""
    factor = 0.05 / output.std((0, 2, 3)).clamp(min=1e-6)
    conv.weight.mul_(factor.view(-1, 1, 1, 1))
    return output * factor.view(1, -1, 1, 1)


def build(output_stride: int = 16, *, canvas: int | None = 65, **options: object) -> DeepLabV3:
    torch.manual_seed(0)
    return build_network(
        "mobilenet_v2",
        classes=CLASSES,
        aspp=False,
        output_stride=output_stride,
        options={"width": 0.25, "padding": "tensorflow", "eps": 1e-3, **options},
        canvas=canvas,
    )


@pytest.fixture
def sample() -> Sample:
    """A picture of 40x52 with coloured blocks, classes that lie elsewhere, and a border of 255."""
    image = blocks(1, 40, 52)[0].permute(1, 2, 0).numpy().astype(np.uint8)
    rng = np.random.default_rng(0)
    label = np.kron(rng.integers(0, len(CLASSES), (4, 4)), np.ones((10, 13))).astype(np.uint8)
    label[:, 20:24] = 255
    return Sample(image, label, "blocks")
