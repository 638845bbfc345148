"""Random networks that are sane, and files of them."""

import os

# Before transformers is imported: it looks on the hub for what it builds.
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
from safetensors.torch import save_file
from torch import nn


@pytest.fixture
def randomise():
    """A function that gives a network random weights and random batch-norm statistics, and puts it in evaluation mode.

    The statistics are those of random pictures, so that activations stay sane through a hundred layers, and then moved
    a little. Variances come out small and large, so that a wrong eps is seen.
    """

    def randomise(network: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
            nn.init.uniform_(norm.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(norm.bias, std=0.3, generator=generator)
        with torch.no_grad():
            network.train()(torch.randn(4, 3, 65, 65, generator=generator))
            for norm in norms:
                noise = torch.rand(2, norm.num_features, generator=generator)
                norm.running_var.clamp_(min=1e-3).mul_(0.7 + 0.7 * noise[0])
                norm.running_mean.add_(norm.running_var.sqrt() * (0.4 * noise[1] - 0.2))
        return network.eval()

    return randomise


@pytest.fixture
def saved(tmp_path):
    """A function that writes tensors as safetensors and returns the path; the files go when the test ends."""
    paths = []

    def save(tensors, name="weights.safetensors"):
        path = tmp_path / name
        save_file({key: tensor.detach().contiguous().clone() for key, tensor in tensors.items()}, path)
        paths.append(path)
        return path

    yield save
    for path in paths:
        path.unlink(missing_ok=True)


@pytest.fixture
def difference():
    """A function that gives the largest difference of two tensors, relative to the largest value of the second."""

    def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
        assert ours.shape == theirs.shape
        assert theirs.abs().max() > 0
        assert theirs.std() > 1e-3 * theirs.abs().max()  # a constant would prove nothing
        return float((ours - theirs).abs().max() / theirs.abs().max())

    return difference


@pytest.fixture
def pictures():
    """A function that gives two random pictures, uint8 (2, 3, height, width)."""

    def pictures(height, width=None):
        generator = torch.Generator().manual_seed(height)
        return torch.randint(0, 256, (2, 3, height, width or height), generator=generator, dtype=torch.uint8)

    return pictures
