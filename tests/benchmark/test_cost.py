"""What predictions cost. The table's own figures are tested in tests/models/test_complexity.py and test_table.py."""

import pytest
import torch

from segkit.benchmark.cost import network_cost, prediction_cost, wide_head_cost
from segkit.benchmark.published import FULL, SINGLE, V1_ASPP, V2, V2_ASPP, V2_HALF
from segkit.evaluation.inference import predict
from segkit.models.build import build_network
from segkit.models.complexity import count_madds, count_parameters


def test_a_single_pass_is_the_networks_own_cost() -> None:
    model = V2_ASPP.build(16)
    cost = prediction_cost(model)
    assert cost.exact == count_madds(model)
    assert cost.tensorflow == count_madds(model, accounting="tensorflow")
    assert cost.parameters == count_parameters(model)
    assert sum(cost.parts.values()) == cost.tensorflow


def test_passes_are_those_of_predict() -> None:
    model = build_network("mobilenet_v2", classes=["a", "b"], aspp=False, options={"width": 0.25}).eval()
    sizes = []
    with model.register_forward_pre_hook(lambda module, given: sizes.append(tuple(given[0].shape[2:]))):
        predict(model, torch.zeros(1, 3, 65, 97), scales=(0.5, 1.0, 1.5), flip=True)
    expected = sum(count_madds(model, size) for size in sizes)
    assert len(sizes) == 6
    assert prediction_cost(model, size=(65, 97), scales=(0.5, 1.0, 1.5), flip=True).exact == expected


def test_parts_of_a_network() -> None:
    parts = network_cost(V1_ASPP, SINGLE).parts
    assert list(parts)[:4] == ["backbone at 1/2", "backbone at 1/4", "backbone at 1/8", "backbone at 1/16"]
    assert set(list(parts)[4:]) == {
        "image pooling",
        "1x1 branch",
        "atrous branches",
        "projection",
        "logits",
        "upsampling",
    }
    assert parts["logits"] == 33 * 33 * 256 * 21
    assert parts["upsampling"] == 513 * 513 * 21
    assert parts["image pooling"] == 1024 * 256
    assert "atrous branches" not in network_cost(V2, SINGLE).parts


def test_the_head_on_the_last_map_makes_v2_dearer_than_v1() -> None:
    for setting in (SINGLE, FULL):
        wide = wide_head_cost(setting)
        assert wide.tensorflow > network_cost(V1_ASPP, setting).tensorflow > 2.4 * network_cost(V2_ASPP, setting).exact
    more = 320 * 1280 + 2 * 1280 + (1280 - 320) * (256 * 2 + 3 * 9 * 256)
    assert wide_head_cost(SINGLE).parameters == network_cost(V2_ASPP, SINGLE).parameters + more


def test_names() -> None:
    assert [network.name for network in (V1_ASPP, V2, V2_HALF)] == [
        "mobilenet_v1_aspp",
        "mobilenet_v2",
        "mobilenet_v2_x0.5",
    ]
    assert V2_HALF.title == "MobileNetV2 x0.5"
    assert (SINGLE.name, FULL.name) == ("os16", "os8_mf")


def test_only_a_deeplabv3_has_parts() -> None:
    from segkit.models.build import build_classifier
    from segkit.models.complexity import madds_by_part, trace

    with torch.device("meta"):
        model = build_classifier("mobilenet_v2")
    with pytest.raises(ValueError, match="only a DeepLabV3"):
        madds_by_part(trace(model, (64, 64)))
