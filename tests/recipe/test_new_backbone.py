"""A backbone of one's own: a class and a line in BACKBONES are all it takes, from a recipe to a file of weights."""

import sys
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from segkit.data.shapes import ShapesDataset
from segkit.models.atrous import atrous_plan
from segkit.models.backbone import Backbone
from segkit.models.build import build_classifier
from segkit.models.complexity import count_madds, count_parameters
from segkit.models.layer_table import layer_table
from segkit.models.layers import ConvNormAct
from segkit.models.options import BACKBONES, Epsilon, Width
from segkit.recipe.build import build_from_config
from segkit.recipe.config import ModelConfig
from segkit.weights.build import load_model
from segkit.weights.files import save_model


class Plain(Backbone):
    """Five strided convolutions."""

    title = "Plain"

    def __init__(self, output_stride: int, *, width: Width = 1.0, eps: Epsilon = 1e-5) -> None:
        super().__init__()
        self.output_stride, self.out_channels = output_stride, int(16 * width)
        channels = [3, *[self.out_channels] * 5]
        self.layers = torch.nn.Sequential(
            *(
                ConvNormAct(channels[i], channels[i + 1], 3, stride=stride, dilation=dilation, eps=eps)
                for i, (stride, dilation) in enumerate(atrous_plan((2, 2, 2, 2, 2), output_stride))
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W), normalised -> (N, out_channels, H / output_stride, W / output_stride), rounded up."""
        return self.layers(x)


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setitem(BACKBONES, "plain", f"{__name__}:Plain")
    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(Plain=Plain))  # pytest imports by path, not by name


def test_a_recipe_builds_it_and_its_file_builds_it_again(tmp_path):
    dataset = ShapesDataset("train", size=1, side=65)
    model = build_from_config(ModelConfig(backbone="plain", width=0.5, output_stride=8, aspp=True), dataset).eval()
    assert model.architecture == {"backbone": "plain", "aspp": True, "options": {"width": 0.5}}
    save_model(tmp_path / "plain.safetensors", model)
    again = load_model(tmp_path / "plain.safetensors", output_stride=8, train=True)
    images = torch.rand(1, 3, 65, 65) * 255
    with torch.no_grad():
        assert again.logits(images).shape == (1, len(dataset.classes), 9, 9)
        assert torch.equal(again(images), model(images))


def test_it_has_a_classifier_and_a_layer_table():
    classifier = build_classifier("plain", num_classes=7)
    rows = layer_table(classifier, (64, 64))
    assert [(row.operator, row.n, row.s) for row in rows[:2]] == [("conv2d 3x3", 1, 2), ("conv2d 3x3", 1, 2)]
    assert sum(row.madds for row in rows) == count_madds(classifier, (64, 64))
    assert sum(row.params for row in rows) == count_parameters(classifier)


def test_a_name_that_is_not_there_is_refused_with_all_that_are():
    with pytest.raises(ValidationError, match=r"unknown backbone 'plane': choose one of .*, resnet101, plain"):
        ModelConfig(backbone="plane")
