from typing import Any

import pytest
import torch
from torch import nn

from segkit.models.build import build_classifier
from segkit.models.complexity import trace


@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v2", "resnet101"])
@pytest.mark.parametrize("num_classes", [1000, 1001, 7])
def test_one_row_of_logits_a_picture(backbone: str, num_classes: int) -> None:
    with torch.device("meta"):
        model = build_classifier(backbone, num_classes=num_classes)
    for size in ((224, 224), (33, 50)):
        assert trace(model, size)[-1].made.shape == (1, num_classes)
    assert model.backbone.output_stride == 32


@pytest.mark.parametrize(
    ("backbone", "options", "channels"),
    [
        ("mobilenet_v1", {}, 1024),
        ("mobilenet_v2", {}, 1280),
        ("mobilenet_v2", {"width": 0.5, "divisor": 8}, 1280),  # slim never shrinks the last convolution
        ("mobilenet_v2", {"width": 1.4, "divisor": 8}, 1792),
        ("resnet101", {}, 2048),
    ],
)
def test_channels_before_the_logits(backbone: str, options: dict[str, Any], channels: int) -> None:
    with torch.device("meta"):
        model = build_classifier(backbone, options=options)
    assert model.classifier.in_features == channels
    assert isinstance(model.last, nn.Identity) == (backbone != "mobilenet_v2")


@torch.inference_mode()
def test_uint8_and_float_pictures_agree_and_normalising_is_the_models_own() -> None:
    torch.manual_seed(0)
    model = build_classifier("mobilenet_v2", num_classes=5, mean=(1, 2, 3), std=(4, 5, 6)).eval()
    plain = build_classifier("mobilenet_v2", num_classes=5, mean=(0, 0, 0), std=(1, 1, 1)).eval()
    plain.load_state_dict(model.state_dict())
    images = torch.randint(0, 256, (1, 3, 65, 40), dtype=torch.uint8)
    logits = model(images)
    assert torch.equal(logits, model(images.float()))
    normalised = (images - torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1)) / torch.tensor([4.0, 5.0, 6.0]).view(3, 1, 1)
    torch.testing.assert_close(logits, plain(normalised))


@torch.inference_mode()
def test_the_map_is_averaged_before_the_logits() -> None:
    torch.manual_seed(0)
    model = build_classifier("mobilenet_v1", num_classes=3, mean=(0, 0, 0), std=(1, 1, 1)).eval()
    images = torch.rand(1, 3, 65, 65)
    features = model.backbone(images)
    expected = features.flatten(2).mean(2) @ model.classifier.weight.T + model.classifier.bias
    torch.testing.assert_close(model(images), expected)


def test_options_reach_every_batch_norm() -> None:
    with torch.device("meta"):
        model = build_classifier("mobilenet_v2", options={"eps": 1e-5, "padding": "tensorflow"})
    assert {module.eps for module in model.modules() if isinstance(module, nn.BatchNorm2d)} == {1e-5}
    own = {"divisor": 8}  # of the class's classifier form
    assert model.architecture == {
        "backbone": "mobilenet_v2",
        "options": {**own, "eps": 1e-5, "padding": "tensorflow"},
    }
