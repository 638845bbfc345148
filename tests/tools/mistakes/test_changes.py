"""The three ways of averaging and the paired differences, by hand."""

import numpy as np
import pytest

from segkit.evaluation.compare import miou_difference
from segkit.evaluation.counts import PictureCounts, class_counts
from segkit.evaluation.intervals import drawn, mean_iou, resampled_iou
from segkit.evaluation.metrics import count_pixels
from segkit.evaluation.result import Evaluation
from tools.mistakes.catalogue import MISTAKES, REFERENCES
from tools.mistakes.changes import BATCH, averaged, find
from tools.mistakes.passes import GROUPS, group_of


def counted(name: str, label: list[int], prediction: list[int]) -> PictureCounts:
    counts = count_pixels(np.array(label), np.array(prediction), 3).ravel()
    cells = np.flatnonzero(counts)
    return PictureCounts(name, cells, counts[cells])


def random_pictures(count: int, seed: int) -> list[PictureCounts]:
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(9).integers(0, 3, (count, 30))
    wrong = rng.random((count, 30)) < 0.3
    return [
        counted(str(number), label.tolist(), np.where(miss, rng.integers(0, 3, 30), label).tolist())
        for number, (label, miss) in enumerate(zip(labels, wrong, strict=True))
    ]


def test_the_mean_over_pictures_is_another_than_that_of_the_set() -> None:
    # One picture all right, of 8 pixels of class 0; one of 2 pixels of class 1, of which one is called 0.
    pictures = [counted("a", [0] * 8, [0] * 8), counted("b", [1, 1], [0, 1])]
    counts = class_counts(pictures, 3)
    assert averaged(counts, "set")[0] == pytest.approx((8 / 9 + 1 / 2) / 2)
    assert averaged(counts, "picture")[0] == pytest.approx((1 + (0 / 1 + 1 / 2) / 2) / 2)


def test_a_picture_without_labels_has_no_part_in_the_mean() -> None:
    pictures = [counted("a", [0, 0], [0, 1]), counted("b", [255, 255], [0, 1])]
    assert averaged(class_counts(pictures, 3), "picture")[0] == pytest.approx((1 / 2 + 0) / 2)


def test_batches_are_of_16_pictures_and_the_last_may_be_smaller() -> None:
    pictures = [counted(str(number), [0, 1], [0, 1]) for number in range(BATCH)] + [counted("last", [0, 1], [0, 0])]
    whole = (17 / 18 + 16 / 17) / 2
    counts = class_counts(pictures, 3)
    assert averaged(counts, "set")[0] == pytest.approx(whole)
    assert averaged(counts, "batch")[0] == pytest.approx((1 + (1 / 2 + 0) / 2) / 2)
    assert averaged(counts[:BATCH], "batch")[0] == averaged(counts[:BATCH], "set")[0] == 1


def test_draws_are_those_of_the_bootstrap_in_every_averaging() -> None:
    counts = class_counts(random_pictures(20, seed=1), 3)
    rows = np.concatenate(list(drawn(len(counts))))
    assert rows.shape == (2000, 20)
    in_set = [averaged(counts[row], "set")[0] for row in rows[:5]]
    np.testing.assert_allclose(mean_iou(resampled_iou(counts))[:5], in_set)
    for averaging in ("set", "picture", "batch"):
        _, draws = averaged(counts, averaging)
        assert draws.shape == (2000,)
        np.testing.assert_allclose(draws[:5], [averaged(counts[row], averaging)[0] for row in rows[:5]])


def test_a_mistake_s_interval_is_that_of_the_paired_comparison() -> None:
    right, wrong = random_pictures(40, seed=1), random_pictures(40, seed=2)
    found = find({"baseline": right, "bgr": wrong}, 3)
    assert found.pictures == 40
    assert set(found.mistakes) == {"bgr", "per_picture", "per_batch"}
    expected = miou_difference(*(Evaluation(("a", "b", "c"), tuple(counts), {}, 0) for counts in (right, wrong)))
    assert found.mistakes["bgr"] == expected
    value, sure = found.references["baseline"]
    assert sure.low < value < sure.high
    assert found.mistakes["per_picture"].interval.low < found.mistakes["per_picture"].change


def test_every_mistake_has_its_measurements_and_every_measurement_a_use() -> None:
    measurements = {name for group in GROUPS.values() for name in group.measurements}
    used = {name for mistake in MISTAKES.values() for name in (mistake.measurement, mistake.reference)}
    assert measurements == used
    assert set(REFERENCES) == {mistake.reference for mistake in MISTAKES.values()}
    assert sum(len(group.measurements) for group in GROUPS.values()) == len(measurements)
    assert group_of("softmax_first") == "single"
