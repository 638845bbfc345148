"""Sides, canvases and windows on plain integers."""

import math
from fractions import Fraction

import numpy as np
import pytest

from segkit.evaluation.geometry import canvas_side, canvas_size, scaled_side, window_starts
from segkit.evaluation.inference import MF_SCALES


@pytest.mark.parametrize(
    ("side", "step", "expected"),
    [
        (1, 16, 17),
        (17, 16, 17),
        (18, 16, 33),
        (33, 16, 33),
        (360, 16, 369),
        (480, 16, 481),
        (500, 16, 513),
        (513, 16, 513),
        (514, 16, 529),
        (33, 32, 33),
        (34, 32, 65),
        (49, 32, 65),
        (360, 32, 385),
        (513, 32, 513),
        (33, 1, 33),
        (34, 8, 41),
    ],
)
def test_canvas_side(side: int, step: int, expected: int) -> None:
    assert canvas_side(side, step) == expected


def test_mf_sides_are_those_of_tensorflow() -> None:
    sides = [scaled_side(513, scale, 16) for scale in MF_SCALES]
    assert sides == [int(512 * scale) + 1 for scale in MF_SCALES] == [257, 385, 513, 641, 769, 897]
    assert sides == [scaled_side(513, scale, 32) for scale in MF_SCALES]


@pytest.mark.parametrize("step", [1, 16, 32])
def test_scaled_sides_fit_and_are_least(step: int) -> None:
    for side in (step + 1, 10 * step + 1, 513):
        assert scaled_side(side, 1.0, step) == side
        for scale in (0.1, 0.3, 0.5, 0.77, 1.1, 1.3, 2.0, 3.7):
            scaled = scaled_side(side, scale, step)
            assert (scaled - 1) % step == 0
            assert scaled > step
            assert (scaled - 1) >= (side - 1) * scale - 1e-6
            assert scaled == step + 1 or (scaled - 1 - step) < (side - 1) * scale


@pytest.mark.parametrize("scale", ["0.1", "0.3", "0.6", "0.7", "1.1", "1.2", "1.4", "1.9", "2.3"])
def test_a_hair_in_floating_point_is_no_step(scale: str) -> None:
    for steps in range(1, 100):
        assert scaled_side(16 * steps + 1, float(scale), 16) == 16 * math.ceil(steps * Fraction(scale)) + 1


def test_canvas_size() -> None:
    assert canvas_size(360, 480, canvas=None, step=16) == (369, 481)
    assert canvas_size(360, 480, canvas=None, step=32) == (385, 481)
    assert canvas_size(360, 480, canvas=513, step=16) == (513, 513)
    assert canvas_size(513, 513, canvas=513, step=16) == (513, 513)
    assert canvas_size(600, 480, canvas=513, step=16) == (609, 513)  # a larger picture is neither resized nor cropped
    assert canvas_size(3000, 4000, canvas=513, step=16) == (3009, 4001)


@pytest.mark.parametrize(("canvas", "step", "expected"), [(512, 16, 513), (49, 32, 65), (50, 16, 65), (50, 1, 50)])
def test_a_canvas_that_does_not_fit_becomes_the_next_that_does(canvas: int, step: int, expected: int) -> None:
    height, width = canvas_size(33, 40, canvas=canvas, step=step)
    assert (height, width) == (expected, expected)
    assert scaled_side(height, 1.0, step) == height


@pytest.mark.parametrize("window", [1, 2, 33, 100, 513])
@pytest.mark.parametrize("overlap", [0.0, 1 / 3, 0.5])
def test_windows_cover_and_overlap(window: int, overlap: float) -> None:
    for side in (1, 33, 34, 100, 101, 513, 514, 900, 1300):
        starts = window_starts(side, window, overlap)
        if side <= window:
            assert starts == [0]
            continue
        visits = np.zeros(side, int)
        for start in starts:
            assert 0 <= start <= side - window
            visits[start : start + window] += 1
        assert visits.min() > 0
        assert starts[0] == 0 and starts[-1] == side - window
        steps = np.diff(starts)
        assert steps.min() > 0  # no window twice
        assert window - steps.max() >= math.floor(overlap * window)


def test_windows_are_few() -> None:
    assert window_starts(514, 513) == [0, 1]
    assert len(window_starts(513 + 341, 513)) == 2
    assert len(window_starts(4000, 513)) == 12
