"""What holds for every backbone: its claims about its map, and the a-trous identity."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from segkit.models.build import backbone_class
from segkit.models.complexity import trace
from segkit.models.layers import initialise
from segkit.models.options import BACKBONES

RESNET_FORMS = [
    {"stem": stem, "strided_unit": unit, "multi_grid": (1, 1, 1)}
    for stem in ("deep", "7x7")
    for unit in ("last", "first")
]
FORMS: list[tuple[str, dict[str, Any]]] = [
    *(
        (name, {"padding": padding})
        for name in ("mobilenet_v1", "mobilenet_v2")
        for padding in ("symmetric", "tensorflow")
    ),
    ("mobilenet_v2", {"width": 0.5}),
    *(("resnet101", form) for form in RESNET_FORMS),
]
every_form = pytest.mark.parametrize(("name", "options"), FORMS)


@every_form
@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_claims_about_the_map_are_true(name: str, options: dict[str, Any], output_stride: int) -> None:
    with torch.device("meta"):
        backbone = backbone_class(name)(output_stride, **options)
    features = trace(backbone, (50, 97))[-1].made
    assert features.shape == (1, backbone.out_channels, -(-50 // output_stride), -(-97 // output_stride))
    assert backbone.output_stride == output_stride


def test_published_channels() -> None:
    with torch.device("meta"):
        assert {name: backbone_class(name)(16).out_channels for name in BACKBONES} == {
            "mobilenet_v1": 1024,
            "mobilenet_v2": 320,
            "resnet101": 2048,
        }


@every_form
def test_state_dicts_are_the_same_at_every_output_stride(name: str, options: dict[str, Any]) -> None:
    with torch.device("meta"):
        shapes = [
            [(key, value.shape) for key, value in backbone_class(name)(output_stride, **options).state_dict().items()]
            for output_stride in (8, 16, 32)
        ]
    assert shapes[0] == shapes[1] == shapes[2]


def trained_looking(name: str, options: dict[str, Any]) -> nn.Module:
    """A backbone at output stride 32 whose weights and batch-norm statistics are random, and whose maps are alive."""
    torch.manual_seed(0)
    with torch.device("meta"):  # else its weights would be drawn twice, which takes longer than what follows
        backbone = backbone_class(name)(32, **options)
    initialise(backbone.to_empty(device="cpu"))
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.3)
        norm.momentum = 1.0
    backbone.train()(torch.randn(2, 3, 65, 97))  # takes over the statistics, which are then disturbed
    for norm in norms:
        norm.running_mean += 0.3 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 2.0)
    return backbone.eval()


def at_output_stride(output_stride: int, name: str, options: dict[str, Any], weights: nn.Module) -> nn.Module:
    """The same backbone with the same weights at another output stride."""
    with torch.device("meta"):
        backbone = backbone_class(name)(output_stride, **options)
    backbone.load_state_dict(weights.state_dict(), assign=True)
    return backbone.eval()


def relative_difference(features: Tensor, expected: Tensor) -> float:
    return ((features - expected).abs().max() / expected.abs().max()).item()


@every_form
@torch.inference_mode()
def test_atrous_identity(name: str, options: dict[str, Any]) -> None:
    classifier = trained_looking(name, options)
    x = torch.randn(1, 3, 33, 97)  # sides 32k+1: every map has an odd side, its positions lie on those of the next
    expected = classifier(x)
    assert expected.std() > 0.1
    assert (expected == expected.max()).float().mean() < 0.5
    for output_stride, step in ((16, 2), (8, 4)):
        features = at_output_stride(output_stride, name, options, classifier)(x)
        assert features.shape[2:] == (32 // output_stride + 1, 3 * 32 // output_stride + 1)
        assert relative_difference(features[..., ::step, ::step], expected) < 1e-4


@torch.inference_mode()
def test_the_identity_notices_a_wrong_dilation() -> None:
    """The mistake of well-known packages: the convolution that loses its stride is dilated itself."""
    classifier = trained_looking("mobilenet_v2", {})
    x = torch.randn(1, 3, 65, 65)
    wrong = at_output_stride(16, "mobilenet_v2", {}, classifier)
    conv = wrong.blocks[13].depthwise.conv
    assert conv.dilation == (1, 1)
    conv.dilation = conv.padding = (2, 2)
    assert relative_difference(wrong(x)[..., ::2, ::2], classifier(x)) > 1e-2


def test_resnet_forms_are_independent() -> None:
    with torch.device("meta"):
        for form in RESNET_FORMS:
            backbone = backbone_class("resnet101")(32, **form)
            assert len(backbone.stem) == (3 if form["stem"] == "deep" else 1)
            strides = [[unit.stride for unit in block] for block in backbone.blocks]
            if form["strided_unit"] == "last":
                assert strides == [[1, 1, 2], [1, 1, 1, 2], [1] * 22 + [2], [1, 1, 1]]
            else:
                assert strides == [[1, 1, 1], [2, 1, 1, 1], [2] + [1] * 22, [2, 1, 1]]


@pytest.mark.parametrize(("output_stride", "dilations"), [(32, [1, 2, 4]), (16, [2, 4, 8]), (8, [4, 8, 16])])
def test_multi_grid_multiplies_the_dilations_of_the_last_block(output_stride: int, dilations: list[int]) -> None:
    with torch.device("meta"):
        backbone = backbone_class("resnet101")(output_stride)
    assert [unit.spatial.conv.dilation[0] for unit in backbone.blocks[3]] == dilations


def test_an_unknown_backbone_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'mobilenet_v3': choose one of mobilenet_v1, mobilenet_v2, resnet101"):
        backbone_class("mobilenet_v3")(16)
    with pytest.raises(ValueError, match="output stride 4"):
        backbone_class("mobilenet_v2")(4)
