"""A data set of a few pictures that can be learnt by heart, and a recipe for it that takes a second."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, voc_palette
from segkit.recipe.config import Config

CLASSES = ("ground", "wall", "sky")
COLOURS = ((40, 200, 60), (200, 60, 40), (60, 90, 220))


def _draw(folder: Path, split: str, number: int) -> None:
    """Three stripes of different heights, each with its class's colour and some noise; a corner is not labelled."""
    rng = np.random.default_rng([len(split), number])
    label = np.zeros((36, 40), np.uint8)
    first, second = sorted(rng.choice(np.arange(6, 30), 2, replace=False))
    label[first:second] = 1
    label[:first] = 2
    image = np.array(COLOURS, np.float64)[label] + rng.normal(0, 8, (36, 40, 3))
    label[:4, :4] = IGNORE
    path = folder / "images" / split / f"{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path)
    save_label(folder / "labels" / split / f"{number}.png", label, voc_palette(3))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """The folder of the data set: four pictures of 40x36 to train on, two to validate; read only."""
    folder = tmp_path_factory.mktemp("pictures")
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            _draw(folder, split, number)
    return folder


@pytest.fixture
def recipe(pictures):
    """A function that gives a recipe of a small network on `pictures`, with other values of `train` where given."""

    def recipe(*, model: dict[str, Any] | None = None, data: dict[str, Any] | None = None, **train: Any) -> Config:
        values = {
            "model": {"backbone": "mobilenet_v2", "width": 0.1, "output_stride": 32, **(model or {})},
            "data": {"kind": "folder", "root": str(pictures), "classes": CLASSES, "colours": COLOURS, **(data or {})},
            "train": {
                "iterations": 4,
                "batch_size": 2,
                "crop": 33,
                "lr": 0.02,
                "precision": "fp32",
                "device": "cpu",
                "workers": 0,
                "evaluate_every": 2,
                "log_every": 1,
                **train,
            },
        }
        return Config.model_validate(values)

    return recipe


@pytest.fixture
def differing():
    """A function that names the tensors in which two safetensors files, of the same names, differ in a bit."""

    def differing(one: Path, other: Path) -> list[str]:
        first, second = load_file(one), load_file(other)
        assert first.keys() == second.keys() and first
        return [name for name in first if not _same_bits(first[name], second[name])]

    return differing


def _same_bits(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
