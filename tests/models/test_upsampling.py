"""Labels of an upsampled map: to the pixel those of all its logits."""

import pytest
import torch
from torch import Tensor

from segkit.models.build import build_network
from segkit.models.upsampling import resize, upsampled_labels

LAYOUTS = (torch.contiguous_format, torch.channels_last)


def smooth(seed: int) -> Tensor:
    """As a network's: objects of several cells, with edges between them."""
    generator = torch.Generator().manual_seed(seed)
    return resize(3 * torch.randn(2, 21, 5, 6, generator=generator), (17, 21))


def noise(seed: int) -> Tensor:
    return torch.randn(2, 21, 9, 12, generator=torch.Generator().manual_seed(seed))


def ties(seed: int) -> Tensor:
    """Two classes or more are the largest at most corners, and along whole cells."""
    return torch.randint(0, 2, (3, 4, 8, 8), generator=torch.Generator().manual_seed(seed)).float()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("logits", [smooth, noise, ties])
@pytest.mark.parametrize("step", [1, 8, 16])
def test_no_pixel_differs(logits, step, layout):
    for seed in range(4):
        x = logits(seed).contiguous(memory_format=layout)
        size = [step * (side - 1) + 1 for side in x.shape[2:]]
        labels = upsampled_labels(x, size)
        assert labels.dtype == torch.uint8 and torch.equal(labels, resize(x, size).argmax(1).to(torch.uint8))


@pytest.mark.parametrize(
    ("map_size", "size"), [((5, 5), (70, 66)), ((1, 4), (1, 49)), ((1, 1), (33, 33)), ((3, 3), (3, 3))]
)
def test_sides_that_are_no_whole_cells(map_size, size):
    x = torch.randn(1, 3, *map_size, generator=torch.Generator().manual_seed(0))
    assert torch.equal(upsampled_labels(x, size), resize(x, size).argmax(1).to(torch.uint8))


def test_one_class_everywhere():
    x = torch.zeros(1, 3, 3, 4)
    x[:, 1] = 1
    assert upsampled_labels(x, (33, 49)).unique().tolist() == [1]


@pytest.mark.parametrize("aspp", [False, True])
def test_a_network_s_labels_are_those_of_its_logits(aspp):
    torch.manual_seed(0)
    network = build_network("mobilenet_v2", classes="abcdefg", aspp=aspp, options={"width": 0.1}).eval()
    images = torch.rand(1, 3, 129, 161) * 255
    with torch.no_grad():
        network.classifier.bias.copy_(-network.logits(images).mean((0, 2, 3)))  # so that no class is always the largest
        logits = network(images)
        assert len(logits.argmax(1).unique()) == 7
        assert torch.equal(network.labels(images), logits.argmax(1).to(torch.uint8))
