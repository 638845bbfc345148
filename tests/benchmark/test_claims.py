"""The paper's claims, judged on constructed grids whose verdict is known."""

from typing import Any

import numpy as np
import pytest

from segkit.benchmark.cells import Cell
from segkit.benchmark.claims import Claim, check_claims
from segkit.benchmark.published import FULL, SINGLE, V1_ASPP, V2, V2_ASPP, Network
from segkit.evaluation.counts import PictureCounts
from segkit.evaluation.result import Evaluation
from segkit.weights.lineage import Lineage

V1 = Network("mobilenet_v1", aspp=False)
ALIKE = Lineage(("ImageNet", "VOC train_aug"), 30_000, 29_000)
COCO = Lineage(("COCO", "ImageNet", "VOC train_aug"), 30_000, 30_000)


def evaluation(points: float = 0.0, lineage: Lineage | None = ALIKE) -> Evaluation:
    """A hundred pictures of one class of two, each right in half of its pixels, and so many points of mIoU more."""
    rights = np.random.default_rng(0).integers(900, 1100, 100) + round(40 * points)
    pictures = tuple(
        PictureCounts(str(number), np.array([0, 1]), np.array([right, 2000 - right]))
        for number, right in enumerate(rights.tolist())
    )
    return Evaluation(("a", "b"), pictures, {} if lineage is None else lineage.to_protocol(), 0.0)


def constant() -> Evaluation:
    """Both classes are there, and one of them is answered everywhere."""
    pictures = tuple(PictureCounts(str(n), np.array([0, 2]), np.array([1500, 500])) for n in range(10))
    return Evaluation(("a", "b"), pictures, ALIKE.to_protocol(), 0.0)


def grid(**points: float) -> dict[Cell, Evaluation]:
    """A grid of networks by name, of that many points more, under the two settings of the table."""
    networks = {network.name: network for network in (V1, V1_ASPP, V2, V2_ASPP)}
    return {
        Cell(networks[name], setting): evaluation(more) for name, more in points.items() for setting in (SINGLE, FULL)
    }


def claim(number: int, *grids: dict[Cell, Evaluation]) -> Claim:
    return check_claims(*grids)[number - 1]


def test_without_a_measurement_costs_alone_are_judged() -> None:
    claims = check_claims()
    assert [each.verdict for each in claims] == [*["confirmed"] * 3, *["untestable here"] * 2]
    assert "4.91 to 5.68 times (exact: 5.44 to 5.96)" in claims[2].numbers
    pair = "MobileNetV2 without ASPP against MobileNetV2 with ASPP"
    assert claims[4].numbers.endswith(f"the cost holds, but the mIoU of {pair}, which it is about, was not measured")


def test_a_grid_of_v1_alone_says_nothing_of_v2() -> None:
    alone = claim(5, grid(mobilenet_v1=0, mobilenet_v1_aspp=0))
    assert alone == claim(5)
    assert claim(4, grid(mobilenet_v1=0, mobilenet_v1_aspp=0)).verdict == "untestable here"


def test_what_v1_loses_is_not_held_against_v2() -> None:
    found = claim(5, grid(mobilenet_v1=-5, mobilenet_v1_aspp=0, mobilenet_v2=-0.5, mobilenet_v2_aspp=0))
    assert found.verdict == "confirmed"
    assert "MobileNetV2 without ASPP against MobileNetV2 with ASPP: -0.50 [-0.50, -0.50], -0.50 " in found.numbers
    assert "-5" not in found.numbers and found.numbers.endswith("points of mIoU, for these checkpoints")


@pytest.mark.parametrize(
    ("points", "verdict"), [(3, "confirmed"), (0, "confirmed"), (-1.5, "confirmed"), (-3, "refuted")]
)
def test_a_small_loss_is_one_of_two_points(points: float, verdict: str) -> None:
    assert claim(5, grid(mobilenet_v2=points, mobilenet_v2_aspp=0)).verdict == verdict


@pytest.mark.parametrize(("points", "verdict"), [(0, "confirmed"), (2, "confirmed"), (-3, "refuted")])
def test_like_miou_is_one_point(points: float, verdict: str) -> None:
    found = claim(4, grid(mobilenet_v1_aspp=0, mobilenet_v2_aspp=points))
    assert found.verdict == verdict
    assert "0.90 to 0.94" in found.numbers and "MobileNetV2 with ASPP against MobileNetV1 with ASPP" in found.numbers


def test_pairs_on_both_sides_refute_nothing() -> None:
    """A mean of their upper ends would: -4 and -1 points are 2.5 below on average."""
    cells = grid(mobilenet_v2_aspp=0) | {
        Cell(V2, SINGLE): evaluation(-4),
        Cell(V2, FULL): evaluation(-1),
    }
    found = claim(5, cells)
    assert found.verdict == "untestable here"
    assert found.numbers.endswith("not all intervals lie on one side of a loss of 2 points")


def test_every_seed_is_a_pair() -> None:
    good, bad = (grid(mobilenet_v2=points, mobilenet_v2_aspp=0) for points in (0, -3))
    assert claim(5, good, good).numbers.count("+0.00 [") == 4
    assert claim(5, good, bad).verdict == "untestable here"


def test_constant_answers_say_nothing() -> None:
    cells = {Cell(network, setting): constant() for network in (V2, V2_ASPP) for setting in (SINGLE, FULL)}
    found = claim(5, cells)
    assert found.verdict == "untestable here"
    assert "MobileNetV2 with ASPP both give one class as their answer everywhere" in found.numbers
    cells[Cell(V2, SINGLE)] = cells[Cell(V2_ASPP, SINGLE)] = evaluation()
    assert claim(5, cells).verdict == "confirmed" and claim(5, cells).numbers.count("[") == 1


@pytest.mark.parametrize(
    ("lineage", "reason"),
    [
        (COCO, "MobileNetV2 without ASPP descends from COCO and MobileNetV2 with ASPP does not"),
        (
            Lineage(("ImageNet", "VOC trainval"), 30_000),
            "ImageNet, VOC train_aug and MobileNetV2 without ASPP on ImageN",
        ),
        (Lineage(ALIKE.trained_on, 30_000, taught_by="big"), "by none and MobileNetV2 without ASPP by big"),
        (Lineage(ALIKE.trained_on, 300), "for 30000 iterations and MobileNetV2 without ASPP for 300, so that"),
        (None, "and MobileNetV2 without ASPP on weights that tell no training"),
    ],
)
def test_a_pair_of_unlike_training_is_called_so(lineage: Lineage | None, reason: str) -> None:
    cells = grid(mobilenet_v2=-5, mobilenet_v2_aspp=0)
    cells |= {Cell(V2, setting): evaluation(-5, lineage) for setting in (SINGLE, FULL)}
    found = claim(5, cells)
    assert found.verdict == "untestable here"
    assert reason in found.numbers and "not judged" in found.numbers
    assert "[" not in found.numbers


def test_pairs_of_which_nothing_is_told_are_judged_and_say_so() -> None:
    cells = {Cell(network, SINGLE): evaluation(lineage=None) for network in (V2, V2_ASPP)}
    found = claim(5, cells)
    assert found.verdict == "confirmed"
    assert found.numbers.endswith("for these checkpoints, whose training is not wholly told")


def test_claims_are_plain_data() -> None:
    assert all(isinstance(value, (int, str)) for each in check_claims() for value in vars(each).values())


def test_the_protocol_tells_the_lineage() -> None:
    protocol: dict[str, Any] = COCO.to_protocol()
    assert Lineage.of_protocol(protocol) == COCO
    assert not Lineage.of_protocol({}).is_told
