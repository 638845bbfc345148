"""The table of the MobileNetV2 paper."""

import json
from dataclasses import replace

import numpy as np
import pytest

from segkit.benchmark.against import against_published
from segkit.benchmark.cells import Cell
from segkit.benchmark.latency import Latency
from segkit.benchmark.published import FULL, NETWORKS, ROWS, SINGLE, V2, V2_ASPP
from segkit.benchmark.table import benchmark_table
from segkit.evaluation.counts import PictureCounts
from segkit.evaluation.result import Evaluation
from segkit.report.benchmark import benchmark_text
from segkit.report.sheet import markdown

# SCIENCE: the exact and TensorFlow's accounting, in billions, and the ratio of the latter to the published figure.
COSTS = {
    "mobilenet_v1_aspp-os16": (12.766, 14.232, 0.9987),
    "mobilenet_v1_aspp-os8_mf": (800.84, 990.88, 1.0520),
    "mobilenet_v2_aspp-os16": (5.369, 5.829, 1.0049),
    "mobilenet_v2_aspp-os8_mf": (328.03, 387.57, 1.0015),
    "mobilenet_v2-os16": (2.746, 2.748, 0.9993),
    "mobilenet_v2-os8_mf": (152.43, 152.62, 1.0001),
    "resnet101_aspp-os16": (76.058, 80.840, 0.9980),
    "resnet101_aspp-os8_mf": (4353.87, 4869.04, 0.9997),
    "mobilenet_v2_x0.5-os16": (0.873, 0.874, 0.9931),
}


def evaluation(right: int) -> Evaluation:
    counts = [PictureCounts(str(n), np.array([0, 1]), np.array([right + n, 100])) for n in range(20)]
    return Evaluation(("a", "b"), tuple(counts), {"pictures": 20, "precision": "float32", "data": "shapes"}, 1.0)


@pytest.fixture(scope="module")
def table() -> dict:
    evaluations = {Cell(V2, SINGLE): evaluation(900), Cell(V2, FULL): evaluation(950)}
    return benchmark_table(evaluations, {Cell(V2, SINGLE): Latency(0.0871, 30, 2, "cpu")})


def test_every_figure_that_is_counted(table: dict) -> None:
    assert [row["name"] for row in table["rows"]] == list(COSTS)
    for row in table["rows"]:
        exact, tensorflow, ratio = COSTS[row["name"]]
        assert row["madds_exact"] / 1e9 == pytest.approx(exact, rel=7e-4)
        assert row["madds_tensorflow"] / 1e9 == pytest.approx(tensorflow, rel=7e-4)
        assert row["madds_ratio"] == pytest.approx(ratio, abs=1e-4)
    parameters = {row["network"]: round(row["parameters"] / 1e6, 3) for row in table["rows"]}
    assert parameters == {
        "mobilenet_v1_aspp": 11.145,
        "mobilenet_v2_aspp": 4.524,
        "mobilenet_v2": 2.114,
        "resnet101_aspp": 58.164,
        "mobilenet_v2_x0.5": 0.697,
    }
    classifiers = {row["backbone"]: row["madds_exact"] / 1e6 for row in table["classifiers"]}
    assert classifiers == pytest.approx({"mobilenet_v1": 568.7, "mobilenet_v2": 300.8}, abs=0.1)


def test_what_is_not_measured_says_so(table: dict) -> None:
    measured = {row["name"] for row in table["rows"] if row["measured"]}
    assert measured == {"mobilenet_v2-os16", "mobilenet_v2-os8_mf"}
    text = markdown(benchmark_text(table))
    assert text.count("| unverified |") == 7
    assert text.count("| not measured |") == 8
    assert "| 87 ms |" in text
    assert "|  |" not in text


def test_the_difference_within_a_pair_is_paired(table: dict) -> None:
    (pair,) = table["pairs"]
    assert pair["network"] == "mobilenet_v2"
    assert pair["miou"]["shown"]
    assert "- MobileNetV2, OS 8 MF against OS 16: +0.2" in markdown(benchmark_text(table))


def test_footnotes_are_numbered_where_the_figure_stands(table: dict) -> None:
    text = markdown(benchmark_text(table))
    assert "941.9B [1]" in text and "4.24M [2]" in text and "3.47M [3]" in text
    assert "\n1. No count gives 941.9B" in text


def test_another_precision_is_said(table: dict) -> None:
    assert "interval; the verdict tells where the published is.\n" in markdown(benchmark_text(table))
    quick = evaluation(900)
    quick = replace(quick, protocol={**quick.protocol, "precision": "bfloat16"})
    quick_table = benchmark_table({Cell(V2, SINGLE): quick, Cell(V2, FULL): evaluation(950)})
    text = markdown(benchmark_text(quick_table))
    assert "published is. mIoU of predictions in bfloat16, latency in float32.\n" in text


def on_val(points: float, **protocol: object) -> Evaluation:
    """An evaluation of VOC val whose mIoU is so many points above 75.32, with an interval of some tenths."""
    right = 7532 + round(100 * points)
    noise = np.random.default_rng(0).integers(-400, 400, 1449)
    counts = tuple(
        PictureCounts(str(n), np.array([0, 1, 2, 3]), np.array([right + m, 10000 - right - m, 1, right + m]))
        for n, m in enumerate((noise - noise.mean().round().astype(int)).tolist())
    )
    about = {"pictures": 1449, "data": "voc", "split": "val", "precision": "float32", "output_stride": 16} | protocol
    return Evaluation(("a", "b"), counts, about, 1.0, {"commit": "abc"})


def verdict_of(evaluation: Evaluation) -> tuple[float | None, str]:
    row = next(row for row in ROWS if row.network == V2 and row.setting == SINGLE)
    found = against_published(row, evaluation.figures())
    return found["difference"], found["verdict"]


def test_measured_against_published() -> None:
    base = on_val(0)
    shift = base.miou - 0.7532
    low, high = base.miou_interval
    assert low < base.miou < high < low + 0.02
    for points, verdict in ((0, "within the interval"), (-30, "below the published"), (20, "above the published")):
        evaluation = on_val(points - 100 * shift)
        difference, said = verdict_of(evaluation)
        assert said == verdict and difference == pytest.approx(evaluation.miou - 0.7532)


@pytest.mark.parametrize(
    ("protocol", "reason"),
    [
        ({"trained_on": ["COCO", "VOC trainval"]}, "val was seen in training"),
        ({"pictures": 10, "limit": 10}, "10 of 1449 pictures"),
        ({"data": "shapes"}, "measured on shapes val"),
        ({"split": "train"}, "measured on voc train"),
    ],
)
def test_what_is_not_compared(protocol: dict, reason: str) -> None:
    assert verdict_of(on_val(0, **protocol)) == (None, f"not compared: {reason}")


def test_claims_are_judged_on_the_rows_measured() -> None:
    pair = {Cell(network, SINGLE): on_val(0) for network in (V2, V2_ASPP)}
    claims = {claim["number"]: claim for claim in benchmark_table(pair)["claims"]}
    assert claims[5]["verdict"] == "confirmed" and claims[4]["verdict"] == "untestable here"
    assert "5. Without ASPP" in markdown(benchmark_text(benchmark_table(pair)))
    own = {Cell(V2, SINGLE): on_val(0, data="folder")}
    assert benchmark_table(own)["claims"] == []


def test_other_networks_stand_beside_and_lengths_are_told() -> None:
    aspp = on_val(0, trained_iterations=300, kept_at_iteration=100, trained_on=["COCO"])
    table = benchmark_table({Cell(V2_ASPP, SINGLE): aspp}, others={"fcn": on_val(-9)})
    text = markdown(benchmark_text(table))
    assert "| fcn | OS 16 | " in text
    assert "MobileNetV2 ASPP, OS 16: trained on COCO, 300 iterations, kept at 100; float32 at abc" in text
    assert "fcn, OS 16: trained on data that are not told" in text


def test_it_is_plain_data(table: dict) -> None:
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert set(NETWORKS) == {row["network"] for row in table["rows"]}
