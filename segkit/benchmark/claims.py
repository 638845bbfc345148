"""The five claims that the MobileNetV2 paper's table is quoted for, each tested as far as it can be here.

What costs is counted for the paper's own networks at 513x513, whatever was trained. What concerns the mIoU is judged
on evaluations of the two networks that the claim is about, with paired intervals, where nothing tells that they were
trained unlike.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from segkit.benchmark.cells import Cell
from segkit.benchmark.cost import Cost, network_cost, wide_head_cost
from segkit.benchmark.published import FULL, R101_ASPP, SINGLE, V1_ASPP, V2, V2_ASPP, Network, Setting
from segkit.evaluation.compare import miou_difference, paired
from segkit.evaluation.result import Evaluation
from segkit.report.numbers import difference
from segkit.weights.lineage import Lineage

Verdict = Literal["confirmed", "refuted", "untestable here"]
Grids = Sequence[Mapping[Cell, Evaluation]]

CLAIMED_ON = ("voc", "shapes")
"""The kinds of data that the paper's claims are told beside: they say nothing about everybody's own."""

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


def check_claims(*grids: Mapping[Cell, Evaluation]) -> list[Claim]:
    """The five claims, by what was measured: a grid of cells, one for each seed, or nothing.

    The first three are about costs, which are counted. The fourth is about MobileNetV2 against MobileNetV1, both with
    ASPP, the fifth about MobileNetV2 without ASPP against it with ASPP, each of width 1.
    """
    costs = [_mf_multiplies(), _os_16_is_cheaper(), _v1_against_resnet()]
    return [*costs, _head_on_320(grids), _without_aspp(grids)]


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


def _head_on_320(grids: Grids) -> Claim:
    settings = (SINGLE, FULL)
    ratios = _Ratios((network_cost(V1_ASPP, setting), network_cost(V2_ASPP, setting)) for setting in settings)
    wide = _Ratios((network_cost(V1_ASPP, setting), wide_head_cost(setting)) for setting in settings)
    cheaper = round(ratios.least, 1) >= 2.4 and round(ratios.most, 1) <= 2.6 and wide.most < ratios.least
    verdict, said = _judge(cheaper, (V1_ASPP, V2_ASPP), LIKE, grids)
    text = (
        "Building the head on the second-last map (320 channels, not 1280) is what makes MobileNetV2 about 2.5 times "
        "cheaper than MobileNetV1 at like mIoU."
    )
    return Claim(4, text, verdict, f"{ratios} cheaper than V1; with the head on the 1280-channel map {wide}; {said}")


def _without_aspp(grids: Grids) -> Claim:
    ratios = _Ratios((network_cost(V2_ASPP, setting), network_cost(V2, setting)) for setting in (SINGLE, FULL))
    verdict, said = _judge(ratios.least > 2, (V2_ASPP, V2), SMALL, grids)
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


def _counted(holds: bool) -> Verdict:
    """The verdict of a claim that is only about what is counted."""
    return "confirmed" if holds else "refuted"


def _judge(cheaper: bool, about: tuple[Network, Network], tolerance: float, grids: Grids) -> tuple[Verdict, str]:
    """The verdict of a claim whose cost part is counted and whose mIoU part is `about` two networks, and why.

    Its pairs are the two networks under each setting that both were measured under. The intervals of all pairs that can
    be judged have to lie on one side of the tolerance: each is a test at its level, and so are all of them together
    (the intersection-union test: Berger, Technometrics 24, 1982).
    """
    if not cheaper:
        return "refuted", "the cost alone refutes it"
    pair = " against ".join(map(_title, reversed(about)))
    pairs = list(_pairs(about, grids))
    if not pairs:
        return "untestable here", f"the cost holds, but the mIoU of {pair}, which it is about, was not measured"
    if reason := next((why for a, b in pairs if (why := _unlike(about, a, b))), None):
        pairs = [(a, b) for a, b in pairs if not _unlike(about, a, b)]
        if not pairs:
            return "untestable here", f"the cost holds, but {reason}, so that their mIoUs are not judged"
    telling = [(a, b) for a, b in pairs if not (a.is_constant and b.is_constant)]
    if not telling:
        return "untestable here", f"the cost holds, but {pair} both give one class as their answer everywhere"
    changes = [miou_difference(*paired([a, b])) for a, b in telling]
    said = f"{pair}: {', '.join(difference(change.to_json()) for change in changes)} points of mIoU"
    said += ", for these checkpoints"
    if not all(Lineage.of_protocol(each.protocol).is_told for pair_ in telling for each in pair_):
        said += ", whose training is not wholly told"
    if all(change.interval.low >= -tolerance for change in changes):
        return "confirmed", said
    if all(change.interval.high < -tolerance for change in changes):
        return "refuted", said
    limit = f"a loss of {100 * tolerance:.0f} point{'s' if tolerance > 0.01 else ''}"
    return "untestable here", f"{said}: not all intervals lie on one side of {limit}"


def _pairs(about: tuple[Network, Network], grids: Grids) -> Iterator[tuple[Evaluation, Evaluation]]:
    for grid in grids:
        for cell, evaluation in grid.items():
            other = grid.get(Cell(about[1], cell.setting))
            if cell.network == about[0] and other is not None:
                yield evaluation, other


def _unlike(about: tuple[Network, Network], a: Evaluation, b: Evaluation) -> str | None:
    """How two evaluations are known to be of unlike training, in words; None where nothing tells that they are."""
    one, other = Lineage.of_protocol(a.protocol), Lineage.of_protocol(b.protocol)
    first, second = map(_title, about)
    if one.from_coco != other.from_coco:
        if not one.from_coco:
            first, second, other = second, first, one
        return f"{first} descends from COCO and {second} " + ("does not" if other.is_told else "is not known to")
    if one.trained_on != other.trained_on:
        return f"{first} was trained on {_listed(one)} and {second} on {_listed(other)}"
    if one.taught_by != other.taught_by:
        return f"{first} was taught by {one.taught_by or 'none'} and {second} by {other.taught_by or 'none'}"
    if one.iterations != other.iterations:
        return f"{first} was trained for {one.iterations} iterations and {second} for {other.iterations}"
    return None


def _listed(lineage: Lineage) -> str:
    return ", ".join(lineage.trained_on)


def _title(network: Network) -> str:
    return f"{network.title} {'with' if network.aspp else 'without'} ASPP"
