"""The bootstrap: against resampling by hand, on data with a known answer, and how often an interval holds the truth."""

import math
import random

import numpy as np
import pytest

from segkit.evaluation import intervals
from segkit.evaluation.intervals import Interval, interval, mean_iou, resampled_iou


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


def test_many_pictures_are_resampled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = some_counts()
    whole = resampled_iou(counts, draws=20)
    monkeypatch.setattr(intervals, "_BLOCK", 30)
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


def test_no_pictures() -> None:
    assert np.isnan(mean_iou(resampled_iou(np.zeros((0, 3, 4), np.int64), draws=5))).all()


def test_an_interval() -> None:
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert Interval(-1, 2).holds(0) and Interval(0, 2).holds(0) and not Interval(0.1, 2).holds(0)
    assert Interval(-1, 2).to_json() == [-1, 2]
