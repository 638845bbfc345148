"""The five claims that the MobileNetV2 paper's table is quoted for, each tested as far as it can be here.

What costs is counted for the paper's own networks at 513x513, whatever was trained. What concerns the mIoU is tested
on the cells of an ablation, with paired intervals.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from segkit.benchmark.cells import Cell
from segkit.benchmark.cost import Cost, network_cost, wide_head_cost
from segkit.benchmark.effects import Measured, turned_pairs
from segkit.benchmark.published import FULL, R101_ASPP, SINGLE, V1_ASPP, V2, V2_ASPP, Network, Setting
from segkit.evaluation.compare import Difference, miou_difference, paired
from segkit.report.numbers import difference

Verdict = Literal["confirmed", "refuted", "untestable here"]

LIKE = 0.01
"""mIoUs are alike where one is at most a point below the other: the paper's own differ by 0.4 and 0.1 points."""
SMALL = 0.02
"""A loss is small up to two points of mIoU: the paper's is 0.4 and 1.1 points."""

_NETWORKS = (V1_ASPP, V2_ASPP, V2, R101_ASPP)


@dataclass(frozen=True)
class Claim:
    """A claim, whether it holds, and the numbers that say so."""

    number: int
    text: str
    verdict: Verdict
    numbers: str


def check_claims(measured: Mapping[Cell, Measured]) -> list[Claim]:
    """The five claims; `measured` is what an ablation found, and may be empty."""
    costs = [_mf_multiplies(), _os_16_is_cheaper(), _v1_against_resnet()]
    return [*costs, _head_on_320(measured), _without_aspp(measured)]


def _mf_multiplies() -> Claim:
    ratios = _Ratios(
        (network_cost(network, Setting(stride, mf=True)), network_cost(network, Setting(stride, mf=False)))
        for network in _NETWORKS
        for stride in (16, 8)
    )
    text = "Multi-scale and flip multiplies the multiply-adds."
    return Claim(1, text, _counted(ratios.least > 1), f"by {ratios}, in 12 passes")


def _os_16_is_cheaper() -> Claim:
    ratios = _Ratios(
        (network_cost(network, Setting(8, mf)), network_cost(network, Setting(16, mf)))
        for network in _NETWORKS
        for mf in (False, True)
    )
    text = "Output stride 16 is cheaper than output stride 8."
    return Claim(2, text, _counted(ratios.least > 1), f"OS 8 costs {ratios} as much")


def _v1_against_resnet() -> Claim:
    ratios = _Ratios((network_cost(R101_ASPP, setting), network_cost(V1_ASPP, setting)) for setting in (SINGLE, FULL))
    text = "MobileNetV1 needs 4.9 to 5.7 times fewer multiply-adds than ResNet-101."
    holds = round(ratios.least, 1) >= 4.9 and round(ratios.most, 1) <= 5.7
    return Claim(3, text, _counted(holds), f"{ratios} fewer")


def _head_on_320(measured: Mapping[Cell, Measured]) -> Claim:
    settings = (SINGLE, FULL)
    ratios = _Ratios((network_cost(V1_ASPP, setting), network_cost(V2_ASPP, setting)) for setting in settings)
    wide = _Ratios((network_cost(V1_ASPP, setting), wide_head_cost(setting)) for setting in settings)
    cheaper = round(ratios.least, 1) >= 2.4 and round(ratios.most, 1) <= 2.6 and wide.most < ratios.least
    pairs = turned_pairs(measured, "backbone", Network("mobilenet_v1", aspp=False), V2)
    pairs = [(a, b) for a, b in pairs if b.network.aspp]
    verdict, said = _judge(cheaper, _differences(measured, pairs), LIKE, "V2 against V1, both with ASPP")
    text = (
        "Building the head on the second-last map (320 channels, not 1280) is what makes MobileNetV2 about 2.5 times "
        "cheaper than MobileNetV1 at like mIoU."
    )
    return Claim(4, text, verdict, f"{ratios} cheaper than V1; with the head on the 1280-channel map {wide}; {said}")


def _without_aspp(measured: Mapping[Cell, Measured]) -> Claim:
    ratios = _Ratios((network_cost(V2_ASPP, setting), network_cost(V2, setting)) for setting in (SINGLE, FULL))
    pairs = turned_pairs(measured, "aspp", True, False)
    verdict, said = _judge(ratios.least > 2, _differences(measured, pairs), SMALL, "without ASPP against with it")
    text = "Without ASPP the cost falls sharply for a small loss of mIoU."
    return Claim(5, text, verdict, f"MobileNetV2 costs {ratios} less; {said}")


class _Ratios:
    """The least and the most of cost ratios, printed in TensorFlow's accounting with the exact one beside it."""

    def __init__(self, pairs: Iterable[tuple[Cost, Cost]]) -> None:
        costs = list(pairs)
        tensorflow = [a.tensorflow / b.tensorflow for a, b in costs]
        self.least, self.most = min(tensorflow), max(tensorflow)
        exact = [a.exact / b.exact for a, b in costs]
        self.exact_least, self.exact_most = min(exact), max(exact)

    def __str__(self) -> str:
        tensorflow = _between(self.least, self.most)
        return f"{tensorflow} times (exact: {_between(self.exact_least, self.exact_most)})"


def _between(least: float, most: float) -> str:
    low, high = f"{least:.2f}", f"{most:.2f}"
    return low if low == high else f"{low} to {high}"


def _differences(measured: Mapping[Cell, Measured], pairs: list[tuple[Cell, Cell]]) -> list[Difference]:
    return [miou_difference(*paired([measured[a].evaluation, measured[b].evaluation])) for a, b in pairs]


def _counted(holds: bool) -> Verdict:
    """The verdict of a claim that is only about what is counted."""
    return "confirmed" if holds else "refuted"


def _judge(cheaper: bool, changes: list[Difference], tolerance: float, what: str) -> tuple[Verdict, str]:
    """The verdict of a claim whose cost part is counted and whose mIoU part was measured in `changes`, or was not."""
    if not cheaper:
        return "refuted", "the cost alone refutes it"
    if not changes:
        return "untestable here", "the cost holds, but the mIoU of no such pair was measured"
    listed = ", ".join(difference(change.to_json()) for change in changes)
    said = f"{what}: {listed} points of mIoU, for these checkpoints"
    if min(change.interval.low for change in changes) >= -tolerance:
        return "confirmed", said
    if np.mean([change.interval.high for change in changes]) < -tolerance:
        return "refuted", said
    return "untestable here", f"{said}: too close to {100 * tolerance:.0f} points, or too few pictures, to tell"
