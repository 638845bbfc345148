from collections.abc import Sequence

import pytest
import torch
from torch import nn

from segkit.base.labels import VOC_CLASSES
from segkit.models.build import build_classifier, build_network
from segkit.models.complexity import count_madds, count_parameters
from segkit.models.layer_table import LayerRow, layer_table
from segkit.models.options import BACKBONES


def segmenter(backbone: str, output_stride: int, aspp: bool = True) -> nn.Module:
    with torch.device("meta"):
        return build_network(backbone, classes=VOC_CLASSES, aspp=aspp, output_stride=output_stride)


def rows_of(table: Sequence[LayerRow], *names: str) -> list[tuple[object, ...]]:
    return [tuple(getattr(row, name) for name in names) for row in table]


@pytest.fixture(scope="module")
def mobilenet_v2() -> list[LayerRow]:
    with torch.device("meta"):
        return layer_table(build_classifier("mobilenet_v2"), (224, 224))


def test_mobilenet_v2_is_table_2_of_its_paper(mobilenet_v2: list[LayerRow]) -> None:
    assert rows_of(mobilenet_v2, "input", "operator", "t", "c", "n", "s") == [
        ((224, 224, 3), "conv2d 3x3", None, 32, 1, 2),
        ((112, 112, 32), "bottleneck", 1, 16, 1, 1),
        ((112, 112, 16), "bottleneck", 6, 24, 2, 2),
        ((56, 56, 24), "bottleneck", 6, 32, 3, 2),
        ((28, 28, 32), "bottleneck", 6, 64, 4, 2),
        ((14, 14, 64), "bottleneck", 6, 96, 3, 1),
        ((14, 14, 96), "bottleneck", 6, 160, 3, 2),
        ((7, 7, 160), "bottleneck", 6, 320, 1, 1),
        ((7, 7, 320), "conv2d 1x1", None, 1280, 1, 1),
        ((7, 7, 1280), "avgpool 7x7", None, None, 1, None),
        ((1, 1, 1280), "conv2d 1x1", None, 1000, 1, 1),
    ]


def test_costs_and_fields_by_hand(mobilenet_v2: list[LayerRow]) -> None:
    stem, first, second = mobilenet_v2[:3]
    assert (stem.madds, stem.params) == (112 * 112 * 27 * 32, 27 * 32 + 64)
    assert first.madds == 112 * 112 * (9 * 32 + 32 * 16)
    assert first.params == (9 * 32 + 64) + (32 * 16 + 32)
    expand, depthwise, project = 112 * 112 * 16 * 96, 56 * 56 * 9 * 96, 56 * 56 * 96 * 24
    repeat = 56 * 56 * (24 * 144 + 9 * 144 + 144 * 24)
    assert second.madds == expand + depthwise + project + repeat
    # 3, + 2*2, + 2*2 + 2*4, + 2*4 + 2*2*8, + 2*8 + 3*2*16, + 3*2*16, + 2*16 + 2*2*32, + 2*32: twice the step each.
    fields = [3, 7, 19, 59, 171, 267, 427, 491, 491, None, None]
    assert [row.receptive_field for row in mobilenet_v2] == fields


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_rows_add_up(backbone: str) -> None:
    with torch.device("meta"):
        classifier = build_classifier(backbone)
    for model, size in ((classifier, (224, 224)), (segmenter(backbone, 8), (257, 129))):
        table = layer_table(model, size)
        assert sum(row.madds for row in table) == count_madds(model, size)
        assert sum(row.params for row in table) == count_parameters(model)


def test_a_stage_splits_where_its_dilation_changes() -> None:
    table = layer_table(segmenter("mobilenet_v2", 16), (513, 513))
    assert rows_of(table[6:9], "input", "t", "c", "n", "s", "dilation", "receptive_field") == [
        ((33, 33, 96), 6, 160, 1, 1, 1, 299),
        ((33, 33, 160), 6, 160, 2, 1, 2, 427),
        ((33, 33, 160), 6, 320, 1, 1, 2, 491),
    ]


def test_the_branches_of_the_head_stand_beside_each_other() -> None:
    table = layer_table(segmenter("mobilenet_v2", 16), (513, 513))[9:]
    assert rows_of(table, "input", "operator", "c", "n", "dilation", "receptive_field") == [
        ((33, 33, 320), "ASPP image pooling", 256, 1, 1, None),
        ((33, 33, 320), "ASPP conv2d 1x1", 256, 1, 1, 491),
        ((33, 33, 320), "ASPP conv2d 3x3", 256, 1, 6, 491 + 2 * 6 * 16),
        ((33, 33, 320), "ASPP conv2d 3x3", 256, 1, 12, 491 + 2 * 12 * 16),
        ((33, 33, 320), "ASPP conv2d 3x3", 256, 1, 18, 491 + 2 * 18 * 16),
        ((33, 33, 1280), "ASPP conv2d 1x1", 256, 1, 1, 1067),
        ((33, 33, 256), "conv2d 1x1", 21, 1, 1, 1067),
        ((33, 33, 21), "bilinear", 21, 1, None, 1067 + 16),
    ]


def test_without_aspp_the_1x1_branch_and_the_projection_keep_their_rows() -> None:
    table = layer_table(segmenter("mobilenet_v2", 16, aspp=False), (513, 513))
    assert [row.input for row in table if row.operator == "ASPP conv2d 1x1"] == [(33, 33, 320), (33, 33, 512)]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_receptive_field_does_not_depend_on_the_output_stride(backbone: str) -> None:
    def last_field(output_stride: int) -> int | None:
        table = layer_table(segmenter(backbone, output_stride), (513, 513))
        return next(row.receptive_field for row in table if row.operator == "ASPP conv2d 1x1")

    assert last_field(8) == last_field(16) == last_field(32)


def test_mobilenet_v1_has_depthwise_and_pointwise_rows() -> None:
    with torch.device("meta"):
        table = layer_table(build_classifier("mobilenet_v1"), (224, 224))
    assert rows_of(table[13:17], "input", "operator", "c", "n", "s") == [
        ((14, 14, 512), "conv2d dw 3x3", 512, 5, 1),
        ((14, 14, 512), "conv2d 1x1", 512, 5, 1),
        ((14, 14, 512), "conv2d dw 3x3", 512, 1, 2),
        ((7, 7, 512), "conv2d 1x1", 1024, 1, 1),
    ]
    # Published: 315 (https://distill.pub/2019/computing-receptive-fields, appendix).
    assert max(row.receptive_field or 0 for row in table) == 315


def test_resnet_has_a_row_for_each_block_and_its_strided_unit() -> None:
    options = {"stem": "7x7", "strided_unit": "last", "multi_grid": (1, 1, 1)}
    with torch.device("meta"):
        table = layer_table(build_classifier("resnet101", options=options), (224, 224))
    assert rows_of(table, "input", "operator", "c", "n", "s")[:5] == [
        ((224, 224, 3), "conv2d 7x7", 64, 1, 2),
        ((112, 112, 64), "maxpool 3x3", 64, 1, 2),
        ((56, 56, 64), "bottleneck unit", 256, 2, 1),
        ((56, 56, 256), "bottleneck unit", 256, 1, 2),
        ((28, 28, 256), "bottleneck unit", 512, 3, 1),
    ]
    # Published for slim's resnet_v1_101: 1027 (the same source).
    assert max(row.receptive_field or 0 for row in table) == 1027
