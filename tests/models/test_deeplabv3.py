from typing import Any

import pytest
import torch

from segkit.base.labels import VOC_CLASSES, voc_palette
from segkit.models.build import build_network
from segkit.models.complexity import count_parameters, trace
from segkit.models.deeplabv3 import ASPP, DeepLabV3


def network(backbone: str = "mobilenet_v2", **options: Any) -> DeepLabV3:
    torch.manual_seed(0)
    options = {"classes": VOC_CLASSES, "aspp": False, **options}
    return build_network(backbone, **options).eval()


@pytest.fixture(scope="module")
def small() -> DeepLabV3:
    return network()


@pytest.mark.parametrize(
    ("backbone", "aspp", "millions"),
    [
        ("mobilenet_v1", True, 11.145),
        ("mobilenet_v2", True, 4.524),
        ("mobilenet_v2", False, 2.114),
        ("resnet101", True, 58.164),
    ],
)
@pytest.mark.parametrize("output_stride", [8, 16])
def test_parameters(backbone: str, aspp: bool, millions: float, output_stride: int) -> None:
    with torch.device("meta"):
        model = build_network(backbone, classes=VOC_CLASSES, aspp=aspp, output_stride=output_stride)
    assert round(count_parameters(model) / 1e6, 3) == millions


def test_parameters_of_resnet_with_one_7x7_convolution_as_stem() -> None:
    with torch.device("meta"):
        model = build_network("resnet101", classes=VOC_CLASSES, options={"stem": "7x7"})
    assert round(count_parameters(model) / 1e6, 2) == 58.04


@pytest.mark.parametrize("size", [(33, 33), (34, 34), (33, 48), (64, 35), (65, 65), (97, 50), (41, 131)])
@torch.inference_mode()
def test_logits_have_the_size_of_the_picture(small: DeepLabV3, size: tuple[int, int]) -> None:
    logits = small(torch.rand(1, 3, *size) * 255)
    assert logits.shape == (1, 21, *size)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v2", "resnet101"])
@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_any_backbone_at_every_output_stride(backbone: str, output_stride: int) -> None:
    with torch.device("meta"):
        model = build_network(backbone, classes=VOC_CLASSES, output_stride=output_stride)
    for size in ((33, 33), (48, 71)):
        assert trace(model, size)[-1].made.shape == (1, 21, *size)
    assert model.output_stride == output_stride
    assert model.side_step == (32 if output_stride == 32 else 16)
    assert model.fixed_size is None and model.device.type == "meta"


@torch.inference_mode()
def test_uint8_and_float_pictures_agree(small: DeepLabV3) -> None:
    images = torch.randint(0, 256, (2, 3, 40, 49), dtype=torch.uint8)
    assert torch.equal(small(images), small(images.float()))


@torch.inference_mode()
def test_the_network_normalises_by_itself() -> None:
    mean, std = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
    plain = network(mean=(0, 0, 0), std=(1, 1, 1))
    model = network(mean=mean, std=std)
    model.load_state_dict(plain.state_dict())
    images = torch.rand(1, 3, 33, 33) * 255
    normalised = (images - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    torch.testing.assert_close(model(images), plain(normalised))
    assert not {"mean", "std"} & set(model.state_dict())


@torch.inference_mode()
def test_upsampling_aligns_the_corners(small: DeepLabV3) -> None:
    images = torch.rand(1, 3, 49, 65) * 255
    # Sides 16k+1: every sixteenth pixel is a position of the map.
    torch.testing.assert_close(small(images)[..., ::16, ::16], small.logits(images))


def test_a_batch_of_one_trains() -> None:
    model = network(aspp=True).train()
    logits = model(torch.rand(1, 3, 33, 33) * 255)
    logits.square().mean().backward()
    pooling = model.head.image_pooling
    assert logits.isfinite().all()
    assert pooling.conv.weight.grad.isfinite().all()
    assert pooling.norm.num_batches_tracked == 0  # nothing to learn from one value a channel
    model(torch.rand(2, 3, 33, 33) * 255)
    assert pooling.norm.num_batches_tracked == 1


def test_without_aspp_only_the_atrous_branches_are_missing() -> None:
    with torch.device("meta"):
        on = build_network("mobilenet_v2", classes=VOC_CLASSES).head
        off = build_network("mobilenet_v2", classes=VOC_CLASSES, aspp=False).head
    assert [branch.conv.kernel_size[0] for branch in on.branches] == [1, 3, 3, 3]
    assert [branch.conv.kernel_size[0] for branch in off.branches] == [1]
    assert off.projection.conv.in_channels == 512
    assert count_parameters(on) - count_parameters(off) == 3 * (320 * 9 + 2 + 256) * 256


@torch.inference_mode()
def test_the_head_concatenates_image_pooling_first() -> None:
    torch.manual_seed(0)
    head = ASPP(4, rates=(2,), channels=3).eval()
    x = torch.randn(1, 4, 5, 5)
    branches = torch.cat([head.image_pooling(x), head.branches[0](x), head.branches[1](x)], 1)
    torch.testing.assert_close(head(x), head.projection(branches))


@pytest.mark.parametrize(("output_stride", "rates"), [(8, [12, 24, 36]), (16, [6, 12, 18]), (32, [3, 6, 9])])
def test_rates_follow_the_output_stride(output_stride: int, rates: list[int]) -> None:
    with torch.device("meta"):
        model = build_network("mobilenet_v2", classes=VOC_CLASSES, output_stride=output_stride)
    assert [branch.conv.dilation[0] for branch in model.head.branches[1:]] == rates


def test_half_width_is_not_rounded() -> None:
    model = network(options={"width": 0.5})
    # The official x0.5 model: 12 channels where rounding to 8 would give 16.
    assert [block.project.conv.out_channels for block in model.backbone.blocks[:3]] == [8, 12, 12]
    assert model.backbone.out_channels == 160
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 33, 40)).shape == (1, 21, 33, 40)


@pytest.mark.parametrize("count", [2, 11, 150])
def test_any_number_of_classes(count: int) -> None:
    classes = tuple(f"thing {label}" for label in range(count))
    with torch.device("meta"):
        model = build_network("mobilenet_v2", classes=classes)
        assert model(torch.empty(1, 3, 33, 33)).shape[1] == count
    assert model.classes == classes
    assert model.palette == voc_palette(count)


def test_one_checkpoint_serves_every_output_stride() -> None:
    with torch.device("meta"):
        shapes = [
            [(key, value.shape) for key, value in network(output_stride=stride, aspp=True).state_dict().items()]
            for stride in (8, 16, 32)
        ]
    assert shapes[0] == shapes[1] == shapes[2]


def test_a_network_says_how_to_build_it_again() -> None:
    with torch.device("meta"):
        model = build_network("mobilenet_v2", classes=("a", "b"), aspp=False, options={"width": 0.5}, canvas=513)
        again = build_network(
            model.architecture["backbone"],
            classes=model.classes,
            aspp=model.architecture["aspp"],
            options=model.architecture["options"],
            canvas=model.canvas,
        )
    assert count_parameters(again) == count_parameters(model)
    assert again.architecture == model.architecture
    assert again.canvas == 513
