"""Jackknife and bootstrap: by hand, on data with a known answer, and how often an interval holds the truth."""

import math
import random

import numpy as np
import pytest

from segkit.evaluation import intervals
from segkit.evaluation.intervals import (
    Interval,
    influences,
    interval,
    jackknife_interval,
    left_out_iou,
    mean_iou,
    resampled_iou,
)

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")  # of numpy, which users would see


def some_counts(pictures: int = 7, classes: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    confusion = rng.integers(0, 50, (pictures, classes, classes))
    return np.stack([np.diagonal(confusion, axis1=1, axis2=2), confusion.sum(2), confusion.sum(1)], axis=1)


def all_or_nothing(right: np.ndarray, pixels: int = 10) -> np.ndarray:
    """Pictures of class 0 alone that are predicted wholly as class 0 or wholly as class 1: their mIoU is mean / 2."""
    counts = np.zeros((len(right), 3, 2), np.int64)
    counts[:, 0, 0] = counts[:, 2, 0] = pixels * right
    counts[:, 1, 0] = pixels
    counts[:, 2, 1] = pixels * (1 - right)
    return counts


def test_each_draw_is_the_iou_of_the_pictures_drawn() -> None:
    counts = some_counts()
    found = resampled_iou(counts, draws=50, seed=3)
    chosen = np.random.default_rng(3).integers(7, size=(50, 7))
    for draw, pictures in enumerate(chosen):
        right, labelled, predicted = np.zeros(3), np.zeros(3), np.zeros(3)
        for picture in pictures:
            right += counts[picture, 0]
            labelled += counts[picture, 1]
            predicted += counts[picture, 2]
        np.testing.assert_allclose(found[draw], right / (labelled + predicted - right), rtol=1e-12)


def test_intervals_of_brute_force_resampling() -> None:
    counts = some_counts(pictures=40)
    generator = random.Random(1)
    scores = []
    for _ in range(4000):
        drawn = [counts[generator.randrange(40)] for _ in range(40)]
        right, labelled, predicted = np.sum(drawn, axis=0)
        scores.append(np.mean(right / (labelled + predicted - right)))
    scores.sort()
    found = interval(mean_iou(resampled_iou(counts)))
    width = scores[3900] - scores[100]
    assert found.low == pytest.approx(scores[100], abs=0.08 * width)
    assert found.high == pytest.approx(scores[3900], abs=0.08 * width)


@pytest.mark.parametrize("block", [30, 3])  # four draws of seven pictures at a time, or one that is over the block
def test_many_pictures_are_resampled_in_parts(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    counts = some_counts()
    whole = resampled_iou(counts, draws=20)
    monkeypatch.setattr(intervals, "_BLOCK", block)
    np.testing.assert_allclose(resampled_iou(counts, draws=20), whole)


def test_the_width_is_that_of_the_normal_approximation() -> None:
    share, pictures = 0.7, 1000
    right = (np.arange(pictures) < share * pictures).astype(np.int64)
    found = interval(mean_iou(resampled_iou(all_or_nothing(right))))
    error = math.sqrt(share * (1 - share) / pictures) / 2
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.08)
    assert (found.high + found.low) / 2 == pytest.approx(share / 2, abs=0.2 * error)


def test_an_interval_holds_the_truth_nineteen_times_of_twenty() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        right = (rng.random(150) < 0.6).astype(np.int64)
        held += interval(mean_iou(resampled_iou(all_or_nothing(right), draws=500))).holds(0.3)
    assert 0.90 <= held / 200 <= 0.99


def test_draws_are_a_function_of_the_seed() -> None:
    counts = some_counts()
    np.testing.assert_array_equal(resampled_iou(counts, draws=9), resampled_iou(counts, draws=9))
    assert (resampled_iou(counts, draws=9) != resampled_iou(counts, draws=9, seed=1)).any()


def test_a_class_that_is_nowhere_is_left_out() -> None:
    counts = some_counts()
    counts[:, :, 2] = 0
    found = resampled_iou(counts, draws=30)
    assert np.isnan(found[:, 2]).all()
    np.testing.assert_allclose(mean_iou(found), found[:, :2].mean(1))
    assert interval(found[:, 2]).to_json() is None
    assert interval(found[:, 2]).holds(0)
    assert np.isnan(left_out_iou(counts)[:, 2]).all() and np.isnan(influences(counts)[:, 2]).all()
    assert np.isfinite(left_out_iou(counts)[:, :2]).all() and np.isfinite(influences(counts)[:, :2]).all()


def test_no_pictures() -> None:
    assert np.isnan(mean_iou(resampled_iou(np.zeros((0, 3, 4), np.int64), draws=5))).all()


def test_an_interval() -> None:
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert all(Interval(low, high).holds(0) for low, high in ((-1, 2), (0, 2), (-1, 0), (0, 0)))
    assert not Interval(0.1, 2).holds(0) and not Interval(-2, -0.1).holds(0)
    assert Interval(-1, 2).to_json() == [-1, 2]


def test_each_picture_is_left_out_in_turn() -> None:
    counts = some_counts()
    found = left_out_iou(counts)
    for picture in range(7):
        right, labelled, predicted = np.delete(counts, picture, axis=0).sum(0)
        np.testing.assert_array_equal(found[picture], right / (labelled + predicted - right))


def test_an_influence_is_what_a_picture_more_or_less_changes() -> None:
    counts = some_counts(pictures=400)
    whole = counts.sum(0)
    right, labelled, predicted = whole - counts[5] / 1e4  # a ten-thousandth of the picture less
    changed = right / (labelled + predicted - right) - whole[0] / (whole[1] + whole[2] - whole[0])
    np.testing.assert_allclose(influences(counts)[5], -1e4 * changed, rtol=1e-3)
    np.testing.assert_allclose(influences(counts).sum(0), 0, atol=1e-12)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    share, pictures = 0.7, 1000
    right = (np.arange(pictures) < share * pictures).astype(np.int64)
    counts = all_or_nothing(right)
    found = jackknife_interval(share / 2, mean_iou(left_out_iou(counts)), mean_iou(influences(counts)))
    error = math.sqrt(share * (1 - share) / (pictures - 1)) / 2
    # (n p q)^2 / (n p q (p^3 + q^3)) - 1 = 566.6 degrees of freedom, of which t is 1.9642.
    assert (found.high - found.low) / 2 == pytest.approx(1.9642 * error, rel=1e-4)
    assert (found.high + found.low) / 2 == pytest.approx(share / 2)


def test_one_picture_that_decides_leaves_two_degrees_of_freedom() -> None:
    left_out = np.full(100, 0.5)
    left_out[0] = 0.4
    squares = (left_out - left_out.mean()) ** 2
    error = math.sqrt(squares.sum() * 99 / 100)
    found = jackknife_interval(0.5, left_out, left_out.mean() - left_out)
    assert (found.high - found.low) / 2 == pytest.approx(4.302653 * error, rel=1e-6)  # t of 2 degrees at 97.5 %


@pytest.mark.parametrize(("pictures", "t"), [(4, 3.182446), (6, 2.570582), (10, 2.262157)])  # t of 3, 5, 9 at 97.5 %
def test_pictures_that_weigh_alike_leave_one_degree_less(pictures: int, t: float) -> None:
    weights = 0.01 * (-1.0) ** np.arange(pictures)
    found = jackknife_interval(0.5, 0.5 - weights, weights)
    error = math.sqrt(0.01**2 * (pictures - 1))
    assert found == pytest.approx((0.5 - t * error, 0.5 + t * error), rel=1e-6)


def test_two_pictures_are_enough_for_a_wide_interval() -> None:
    found = jackknife_interval(0.5, np.array([0.45, 0.55]), np.array([0.05, -0.05]))
    assert found == pytest.approx((0.5 - 4.302653 * 0.05, 0.5 + 4.302653 * 0.05), rel=1e-6)


def test_what_the_jackknife_can_not_tell() -> None:
    nothing = [
        jackknife_interval(0.5, np.array([0.5]), np.zeros(1)),
        jackknife_interval(math.nan, np.array([0.5, 0.4]), np.zeros(2)),
        jackknife_interval(0.5, np.array([0.5, math.nan]), np.zeros(2)),  # a class that one picture alone has
        jackknife_interval(0.5, np.zeros(0), np.zeros(0)),
    ]
    assert all(found.to_json() is None for found in nothing)
    assert jackknife_interval(0.5, np.full(9, 0.5), np.zeros(9)) == (0.5, 0.5)
    assert jackknife_interval(0.99, np.array([0.99, 0.8, 1.0]), np.ones(3)).high == 1


def test_the_jackknife_keeps_what_it_says_where_classes_are_rare_and_the_bootstrap_does_not() -> None:
    """A class in 4 of 100 pictures on average, of which any share is right."""
    rng = np.random.default_rng(0)
    held, of = [0, 0], 0
    for _ in range(400):
        rare = rng.random(100) < 0.04
        if np.count_nonzero(rare) < 2:
            continue
        right = rng.integers(0, 101, 100)
        counts = np.zeros((100, 3, 2), np.int64)
        counts[~rare, :, 0] = 100
        counts[rare, 1, 1] = 100
        counts[rare, 0, 1] = counts[rare, 2, 1] = right[rare]
        counts[rare, 2, 0] = 100 - right[rare]
        of += 1
        iou = counts.sum(0)
        value = float(iou[0, 1] / iou[1, 1])
        held[0] += jackknife_interval(value, left_out_iou(counts)[:, 1], influences(counts)[:, 1]).holds(0.5)
        held[1] += interval(resampled_iou(counts, draws=200)[:, 1]).holds(0.5)
    assert held[0] / of > 0.93 and held[1] / of < 0.85
