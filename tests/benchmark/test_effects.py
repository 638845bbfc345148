"""What switches do and the verdicts, on cells with a known answer."""

import numpy as np
import pytest

from segkit.benchmark.cells import Cell
from segkit.benchmark.cost import Cost
from segkit.benchmark.effects import Measured, find_effects, find_effects_over_seeds
from segkit.benchmark.latency import Latency
from segkit.benchmark.published import Network, Setting
from segkit.evaluation.counts import PictureCounts
from segkit.evaluation.result import Evaluation

V1, V2 = "mobilenet_v1", "mobilenet_v2"


def evaluation(rights: np.ndarray) -> Evaluation:
    """Pictures of 1,000 pixels of one class of two, of which so many are right; the mIoU is half their share."""
    pictures = tuple(
        PictureCounts(str(number), np.array([0, 1]), np.array([right, 1000 - right]))
        for number, right in enumerate(rights.tolist())
    )
    return Evaluation(("a", "b"), pictures, {}, 0.0)


def found(evaluation: Evaluation, cost: int = 1) -> Measured:
    """A cell of `cost` multiply-adds and milliseconds."""
    return Measured(evaluation, Cost(1, cost, 2 * cost, {}), Latency(cost / 1e3, 1, 1, "cpu"))


def grid(*, aspp: int = 0, stride: int = 0, mf: int = 0, backbone: int = 0) -> dict[Cell, Measured]:
    """A grid over all four switches, each of which adds so many right pixels to every picture, and noise to none."""
    rights = np.random.default_rng(0).integers(300, 600, 100)
    cells = {}
    for name in (V1, V2):
        for head in (False, True):
            for os in (16, 8):
                for flip in (False, True):
                    more = backbone * (name == V2) + aspp * head + stride * (os == 8) + mf * flip
                    cost = 100 * (2 if head else 1) * (4 if os == 8 else 1) * (17 if flip else 1)
                    cell = Cell(Network(name, head), Setting(os, flip))
                    cells[cell] = found(evaluation(rights + more), cost)
    return cells


def test_each_switch_is_found_with_its_size() -> None:
    effects = {effect.axis: effect for effect in find_effects(grid(aspp=10, stride=-20, mf=30))}
    assert list(effects) == ["backbone", "aspp", "os", "mf"]
    for axis, change in (("aspp", 0.005), ("os", -0.01), ("mf", 0.015)):
        effect = effects[axis]
        assert len(effect.turns) == 8
        assert effect.mean.miou.change == pytest.approx(change)
        assert effect.mean.miou.interval == pytest.approx((change, change))
        assert effect.mean.miou.shown
    assert effects["backbone"].mean.miou.change == 0
    assert not effects["backbone"].mean.miou.shown
    assert [effects[axis].mean.exact for axis in ("backbone", "aspp", "os", "mf")] == pytest.approx([1, 2, 4, 17])
    assert effects["mf"].mean.seconds == pytest.approx(17)


def test_verdicts_say_what_is_known() -> None:
    effects = {effect.axis: effect.verdict for effect in find_effects(grid(aspp=10, mf=30))}
    assert effects["mf"] == "raises the mIoU: +1.50 points [+1.50, +1.50]"
    assert effects["os"] == "no difference is shown: +0.00 points [+0.00, +0.00] holds 0"
    assert effects["aspp"].startswith("raises the mIoU: +0.50")
    assert effects["aspp"].endswith("between these 4 checkpoints: only trainings with other seeds confirm the effect")
    assert "no difference is shown" in effects["backbone"] and "other seeds" in effects["backbone"]


def test_pictures_without_a_label_say_nothing() -> None:
    empty = Evaluation(("a", "b"), (PictureCounts("0", np.array([], int), np.array([], int)),), {}, 0.0)
    network = Network(V2, aspp=False)
    cells = {Cell(network, Setting(16, mf)): found(empty) for mf in (False, True)}
    (effect,) = find_effects(cells)
    assert effect.verdict == "nothing can be said, since no pixel of the pictures is labelled"


def test_the_mean_over_pairs_is_paired_too() -> None:
    """One pair gains what another loses, picture by picture: the mean is zero with no width at all."""
    noise = np.random.default_rng(1).integers(-100, 100, 100)
    base = np.full(100, 500)
    cells = {
        Cell(Network(V1, False), Setting(16, False)): base,
        Cell(Network(V1, False), Setting(16, True)): base + noise,
        Cell(Network(V2, False), Setting(16, False)): base,
        Cell(Network(V2, False), Setting(16, True)): base - noise,
    }
    measured = {cell: found(evaluation(rights)) for cell, rights in cells.items()}
    mf = next(effect for effect in find_effects(measured) if effect.axis == "mf")
    assert mf.mean.miou.interval == pytest.approx((0, 0), abs=1e-12)
    low, high = next(iter(mf.turns.values())).miou.interval
    assert high - low > 0.001


def test_ratios_of_costs_have_their_geometric_mean() -> None:
    """Turned back, a switch gives the inverse: 2 and 8 times are 4 times, and a half and an eighth are a quarter."""
    costs = {
        Cell(Network(name, head), Setting(16, False)): (exact, tensorflow, seconds)
        for name, head, exact, tensorflow, seconds in [
            (V1, False, 10, 10, 0.1),
            (V1, True, 20, 10, 0.3),
            (V2, False, 10, 10, 0.1),
            (V2, True, 80, 90, 2.7),
        ]
    }
    rights = evaluation(np.array([500, 600]))
    measured = {
        cell: Measured(rights, Cost(1, exact, tensorflow, {}), Latency(seconds, 1, 1, "cpu"))
        for cell, (exact, tensorflow, seconds) in costs.items()
    }
    there = next(effect.mean for effect in find_effects(measured) if effect.axis == "aspp")
    assert (there.exact, there.tensorflow, there.seconds) == pytest.approx((4, 3, 9))
    back = next(effect.mean for effect in find_effects(dict(reversed(measured.items()))) if effect.axis == "aspp")
    assert (back.exact, back.tensorflow, back.seconds) == pytest.approx((1 / 4, 1 / 3, 1 / 9))


def test_effects_over_seeds_have_mean_and_deviation() -> None:
    """ASPP brings 0.5, 1.0 and 1.5 points with three seeds."""
    aspp = next(e for e in find_effects_over_seeds([grid(aspp=more) for more in (10, 20, 30)]) if e.axis == "aspp")
    assert aspp.seeds is not None
    assert aspp.seeds.values == pytest.approx((0.005, 0.01, 0.015))
    assert (aspp.seeds.mean, aspp.seeds.deviation) == pytest.approx((0.01, 0.005))
    assert aspp.mean.miou.change == pytest.approx(0.005)
    assert aspp.verdict.endswith("; over 3 seeds +1.00 ± 0.50 (mean and standard deviation)")
    assert "other seeds" not in aspp.verdict
    assert find_effects_over_seeds([grid(aspp=10)])[1].seeds is None


def test_a_grid_with_one_value_a_switch_has_no_effects() -> None:
    one = {Cell(Network(V1, False), Setting(16, False)): found(evaluation(np.array([500])))}
    assert find_effects(one) == []
