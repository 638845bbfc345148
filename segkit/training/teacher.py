"""A teacher: a trained network whose probabilities are learnt from beside the labels, or where there are none."""

from pathlib import Path

import torch
from torch import Tensor, nn

from segkit.base.errors import ConfigError, WeightsError
from segkit.data.dataset import Dataset
from segkit.evaluation.evaluate import class_difference
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.upsampling import resize
from segkit.recipe.build import load_for_data
from segkit.recipe.config import Config
from segkit.recipe.reading import config_from
from segkit.weights.catalogue import CATALOGUE
from segkit.weights.files import read_training

COARSEST_STRIDE = 16
"""Of a teacher: published weights are trained at 16 and say less at 32."""
MAX_ABOUT = 1_000
"""Characters; a file can claim anything of itself, at any length."""


class Teacher:
    """A network that is only asked; `about` tells which it is and what it was trained on, as far as that is known."""

    def __init__(self, network: DeepLabV3, *, about: str = "") -> None:
        self.network = network.eval().requires_grad_(False)
        self.about = about

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Pictures as `DeepLabV3` takes them -> logits before the upsampling, without gradient."""
        return self.network.logits(images)


class BothSizes(nn.Module):
    """A network that computes its logits once and gives them before and after the upsampling."""

    def __init__(self, network: DeepLabV3) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures as `DeepLabV3` takes them -> (N, C, h, w) and (N, C, H, W)."""
        logits = self.network.logits(images)
        return logits, resize(logits.float(), images.shape[-2:])


def load_teacher(config: Config, dataset: Dataset) -> Teacher | None:
    """The teacher of a recipe, on the recipe's device and ready to be asked; None where it has none.

    It is run at the network's own output stride, at most at COARSEST_STRIDE. Raises WeightsError for weights that are
    no whole network or have other classes than the data set, DownloadError where they cannot be fetched.
    """
    name = config.train.teacher
    if name is None:
        return None
    stride = min(config.model.output_stride, COARSEST_STRIDE)
    network = load_for_data(name, dataset, output_stride=stride, canvas=None, device=config.train.device)
    if difference := class_difference(dataset.classes, network.classes):
        raise WeightsError(
            f"{name}: cannot be the teacher ({difference}): choose one that was trained for these classes"
        )
    if not config.train.channels_last:
        network = network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return Teacher(network, about=_about(name))


def _about(name: str) -> str:
    """The weights and what they were trained on, as far as the catalogue or the file tells it."""
    if not Path(name).is_file() and name in CATALOGUE:
        return _known(name)
    training = read_training(name)
    try:
        config = config_from(training["config"], source=name)
    except (KeyError, ConfigError):  # no file of a training, or one of another version of segkit
        return name
    data = "data given from Python"
    if config.data is not None:
        data = " ".join(filter(None, (config.data.kind, getattr(config.data, "root", ""), config.data.train_split)))
    about = f"{name}, trained on {data}"
    if config.model.weights is not None:
        about += f" from {_known(config.model.weights)}"
    if isinstance(training.get("teacher"), str):
        about += f", taught by {training['teacher']}"
    return about[:MAX_ABOUT]


def _known(name: str) -> str:
    return f"{name} ({CATALOGUE[name].trained_on})" if name in CATALOGUE else name
