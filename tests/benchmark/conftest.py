"""A tiny data set and two tiny networks on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from segkit.benchmark.published import Network
from segkit.data.shapes import ShapesDataset
from segkit.models.build import build_network
from segkit.weights.files import save_model

SMALL = Network("mobilenet_v2", aspp=False, width=0.25)
SMALL_ASPP = Network("mobilenet_v2", aspp=True, width=0.25)


@pytest.fixture(scope="session")
def shapes() -> ShapesDataset:
    return ShapesDataset("val", size=4, side=49)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, shapes: ShapesDataset) -> dict[Network, Path]:
    """Random networks whose predictions differ between classes and places."""
    folder = tmp_path_factory.mktemp("weights")
    found = {}
    for seed, network in enumerate((SMALL, SMALL_ASPP)):
        torch.manual_seed(seed)
        model = build_network(
            network.backbone, classes=shapes.classes, aspp=network.aspp, options=dict(network.options)
        ).eval()
        torch.nn.init.normal_(model.classifier.weight)
        found[network] = folder / f"{network.name}.safetensors"
        save_model(found[network], model)
    return found


@pytest.fixture
def counting() -> Callable[[ShapesDataset], "Counting"]:
    return Counting


class Counting:
    """A data set that counts how often each picture is read, and stops the process's work at the picture `stop_at`."""

    def __init__(self, dataset: ShapesDataset, stop_at: int | None = None) -> None:
        self.dataset, self.stop_at = dataset, stop_at
        self.classes, self.palette, self.ids = dataset.classes, dataset.palette, dataset.ids
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> object:
        if index == self.stop_at:
            raise KeyboardInterrupt
        self.read.append(index)
        return self.dataset[index]
