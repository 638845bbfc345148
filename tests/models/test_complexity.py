import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from segkit.base.labels import VOC_CLASSES
from segkit.models.build import build_classifier, build_network
from segkit.models.complexity import count_madds, count_parameters, madds_by_part, sum_madds, upsampling_madds
from segkit.models.complexity import trace as trace_calls

SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
MULTI_SCALE_SIDES = [16 * math.ceil(512 * scale / 16) + 1 for scale in SCALES]


def segmenter(backbone: str, output_stride: int, aspp: bool, **options: Any) -> nn.Module:
    with torch.device("meta"):
        return build_network(backbone, classes=VOC_CLASSES, aspp=aspp, output_stride=output_stride, options=options)


def billions(model: nn.Module, multi_scale: bool) -> list[float]:
    """In the exact and in TensorFlow's accounting."""
    passes = [trace_calls(model, (side, side)) for side in (MULTI_SCALE_SIDES if multi_scale else [513])]
    flips = 2 if multi_scale else 1
    return [flips * sum(sum_madds(calls, kind) for calls in passes) / 1e9 for kind in ("exact", "tensorflow")]


@pytest.mark.parametrize(
    ("backbone", "output_stride", "aspp", "multi_scale", "exact", "tensorflow", "published"),
    [
        ("mobilenet_v1", 16, True, False, 12.766, 14.232, 14.25),
        ("mobilenet_v1", 8, True, True, 800.84, 990.88, None),  # published 941.9: no count gives it
        ("mobilenet_v2", 16, True, False, 5.369, 5.829, 5.8),
        ("mobilenet_v2", 8, True, True, 328.03, 387.57, 387),
        ("mobilenet_v2", 16, False, False, 2.746, 2.748, 2.75),
        ("mobilenet_v2", 8, False, True, 152.43, 152.62, 152.6),
        ("resnet101", 16, True, False, 76.058, 80.840, 81.0),
        ("resnet101", 8, True, True, 4353.87, 4869.04, 4870.6),
    ],
)
def test_the_published_table(
    backbone: str,
    output_stride: int,
    aspp: bool,
    multi_scale: bool,
    exact: float,
    tensorflow: float,
    published: float | None,
) -> None:
    model = segmenter(backbone, output_stride, aspp)
    exactly, counted = billions(model, multi_scale)
    assert exactly == pytest.approx(exact, rel=2e-4)
    assert counted == pytest.approx(tensorflow, rel=2e-4)
    if published is not None:
        assert counted == pytest.approx(published, rel=5.1e-3)


def test_multi_scale_sides() -> None:
    assert MULTI_SCALE_SIDES == [257, 385, 513, 641, 769, 897]


def test_half_width_is_published_with_0_88_billion() -> None:
    assert count_madds(segmenter("mobilenet_v2", 16, False, width=0.5)) / 1e9 == pytest.approx(0.873, abs=5e-4)


@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v2", "resnet101"])
@pytest.mark.parametrize(("output_stride", "aspp", "size"), [(16, True, (513, 513)), (8, False, (161, 224))])
def test_exact_is_half_of_torchs_flops(backbone: str, output_stride: int, aspp: bool, size: tuple[int, int]) -> None:
    model = segmenter(backbone, output_stride, aspp).eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, *size, device="meta"))
    upsampling = 21 * size[0] * size[1]
    assert count_madds(model, size) - upsampling == pytest.approx(counter.get_total_flops() / 2, rel=1e-3)


@pytest.mark.parametrize(
    ("backbone", "options", "millions"),
    [("mobilenet_v1", {}, 568.7), ("mobilenet_v2", {"divisor": 8}, 300.8)],
)
def test_classifiers_at_224(backbone: str, options: dict[str, Any], millions: float) -> None:
    with torch.device("meta"):
        model = build_classifier(backbone, options=options)
    assert round(count_madds(model, (224, 224)) / 1e6, 1) == millions


def test_parameters_of_the_classifiers() -> None:
    def counts(backbone: str, num_classes: int) -> tuple[float, float, float]:
        with torch.device("meta"):
            model = build_classifier(backbone, num_classes=num_classes)
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        own = sum(count_parameters(norm) for norm in norms)
        total = count_parameters(model)
        return tuple(round(count / 1e6, 2) for count in (total - own, total, total + own))

    # MobileNetV2's published 3.47M leaves batch norm out.
    assert counts("mobilenet_v2", 1000)[0] == counts("mobilenet_v2", 1001)[0] == 3.47
    # MobileNetV1's published 4.24M is met by no count: without batch norm, with it, with its statistics as well.
    assert counts("mobilenet_v1", 1000) == (4.21, 4.23, 4.25)


def test_by_hand_on_two_layers() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=5, dilation=5), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, groups=4))
    # 12 x 7 positions of 4 * 3 * 9 weights, then 10 x 5 of 4 * 9; 12 x 7 is padded to 15 x 10 at rate 5.
    assert count_madds(model, (12, 7)) == 84 * 108 + 50 * 36
    assert count_madds(model, (12, 7), accounting="tensorflow") == 150 * 108 + 50 * 36
    assert count_parameters(model) == (108 + 4) + (4 + 4) + (36 + 4)


def test_upsampling_counts_for_a_segmentation_network_alone() -> None:
    assert upsampling_madds(trace_calls(segmenter("mobilenet_v2", 16, False), (33, 65))[-1]) == 21 * 33 * 65
    with torch.device("meta"):
        assert upsampling_madds(trace_calls(build_classifier("mobilenet_v2"), (33, 65))[-1]) == 0


def test_the_model_is_left_as_it_was() -> None:
    model = build_network("mobilenet_v2", classes=VOC_CLASSES, aspp=False).train()
    model.backbone.stem.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    count_madds(model, (65, 65))
    assert model.training
    assert not model.backbone.stem.training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(tensor.device.type == "cpu" for tensor in (*model.parameters(), *model.buffers()))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_half_precision_weights_count_the_same() -> None:
    model = build_network("mobilenet_v2", classes=VOC_CLASSES, aspp=False)
    assert count_madds(model.bfloat16(), (65, 65)) == count_madds(model.float(), (65, 65))


def test_an_unknown_accounting_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown accounting 'flops': choose one of exact, tensorflow"):
        count_madds(nn.Conv2d(3, 3, 1), (4, 4), accounting="flops")


def test_the_parts_of_a_network_by_hand() -> None:
    """At 97x129 pixels, longer than wide: a map of 49x65 at 1/2, of 7x9 at 1/16."""
    calls = trace_calls(segmenter("mobilenet_v2", 16, True), (97, 129))
    parts = madds_by_part(calls)
    half, small = 49 * 65, 7 * 9
    assert parts["backbone at 1/2"] == half * (27 * 32 + 9 * 32 + 32 * 16 + 16 * 96)
    assert parts["image pooling"] == 320 * 256
    assert parts["1x1 branch"] == small * 320 * 256
    assert parts["atrous branches"] == 3 * small * 9 * 320 * 256
    assert parts["projection"] == small * 5 * 256 * 256
    assert parts["logits"] == small * 256 * 21
    assert list(parts)[:4] == [f"backbone at 1/{step}" for step in (2, 4, 8, 16)] and list(parts)[-1] == "upsampling"
    assert sum(parts.values()) == sum_madds(calls)
    with pytest.raises(ValueError, match="only a DeepLabV3"):
        madds_by_part(calls[:1])
