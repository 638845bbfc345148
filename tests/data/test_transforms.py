"""Training pictures: independent draws, and labels that stay under their pixels."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from segkit.base.labels import IGNORE
from segkit.data.transforms import SampleKey, TrainingTransform

MEAN = (123.675, 116.28, 103.53)


def ramp(height: int, width: int, step: int) -> np.ndarray:
    """A picture that says where each pixel was: red is `step` times its column, green `step` times its row."""
    rows, columns = np.indices((height, width))
    return np.stack([step * columns, step * rows, np.full_like(rows, 77)], axis=-1).astype(np.uint8)


def column_label(height: int, width: int) -> np.ndarray:
    return np.indices((height, width))[1].astype(np.uint8)


def draw(transform: TrainingTransform, key: SampleKey) -> tuple[float, float, float, float]:
    """Scale, column and row of the crop (as shares of the room there was) and mirroring, read off the picture."""
    height, width, crop = 100, 120, 33
    image, _ = transform(ramp(height, width, 2), np.zeros((height, width), np.uint8), key)
    red, green = image[..., 0].astype(float) / 2, image[..., 1].astype(float) / 2
    slope = (red[:, -3] - red[:, 2]).mean() / (crop - 5)  # the outermost pixels of a picture are no ramp once scaled
    scale = 1 / abs(slope)
    left, top = red.min() * scale / (width * scale - crop), green.min() * scale / (height * scale - crop)
    return scale, left, top, float(slope < 0)


@pytest.fixture(scope="module")
def transform() -> TrainingTransform:
    return TrainingTransform(crop=33, mean=MEAN)


@pytest.fixture(scope="module")
def draws(transform: TrainingTransform) -> np.ndarray:
    return np.array([draw(transform, (0, number // 8, number % 8)) for number in range(400)])


def test_scale_crop_and_mirror_are_uncorrelated(draws: np.ndarray) -> None:
    correlation = np.corrcoef(draws, rowvar=False) - np.eye(4)
    assert np.abs(correlation).max() < 0.15, correlation


def test_each_draw_covers_its_range(draws: np.ndarray) -> None:
    scale, left, top, mirrored = draws.T
    steps, counts = np.unique(np.round(scale * 4) / 4, return_counts=True)
    np.testing.assert_array_equal(steps, np.arange(0.5, 2.01, 0.25))
    np.testing.assert_allclose(scale, np.round(scale * 4) / 4, atol=0.05)
    assert counts.min() > 30  # 57 expected
    assert 0.4 < mirrored.mean() < 0.6
    for place in (left, top):
        assert place.min() < 0.05 and place.max() > 0.9 and 0.4 < place.mean() < 0.6


@pytest.mark.parametrize("other", [(1, 0, 0), (0, 1, 0), (0, 0, 1)], ids=["seed", "iteration", "slot"])
def test_seeds_iterations_and_slots_draw_independently(transform: TrainingTransform, other: SampleKey) -> None:
    keys = [(0, 2 * number, 0) for number in range(200)]
    here = np.array([draw(transform, key) for key in keys])
    there = np.array([draw(transform, (key[0] + other[0], key[1] + other[1], other[2])) for key in keys])
    for column in range(4):
        assert abs(np.corrcoef(here[:, column], there[:, column])[0, 1]) < 0.2


def test_the_same_key_gives_the_same_bytes_whatever_was_drawn_before() -> None:
    image, label = ramp(60, 60, 4), column_label(60, 60)
    once, again = (TrainingTransform(crop=49, mean=MEAN, jitter=0.5) for _ in range(2))
    again(image, label, (3, 1, 4))
    for first, second in zip(once(image, label, (3, 1, 5)), again(image, label, (3, 1, 5)), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0])
@pytest.mark.parametrize("mirror", [False, True])
def test_labels_stay_under_their_pixels(scale: float, mirror: bool) -> None:
    transform = TrainingTransform(crop=129, mean=MEAN, scales=(scale, scale), mirror=mirror)
    for slot in range(4):
        image, label = transform(ramp(60, 60, 4), column_label(60, 60), (0, 0, slot))
        assert image.shape == (129, 129, 3) and label.shape == (129, 129)
        assert image.dtype == label.dtype == np.uint8
        inside = label != IGNORE
        assert inside.sum() == int(60 * scale) ** 2
        # Half a source pixel, and an eighth for the rounding of the red value. Plain INTER_NEAREST is off by 0.8.
        difference = image[inside][:, 0] / 4 - label[inside]
        assert np.abs(difference).max() <= 0.5 + 0.126
        if scale > 0.5:  # at 0.5 every position lies half way between two pixels
            assert abs(difference.mean()) < 0.2


def test_padding_is_the_mean_colour_and_ignored() -> None:
    transform = TrainingTransform(crop=65, mean=MEAN, scales=(0.5, 0.5), mirror=False, jitter=0.5)
    image, label = transform(ramp(60, 40, 4), column_label(60, 40), (0, 0, 0))
    assert (label[:30, :20] != IGNORE).all()
    outside = np.ones((65, 65), bool)
    outside[:30, :20] = False
    assert (label[outside] == IGNORE).all()
    assert (image[outside] == (124, 116, 104)).all()


def test_labels_take_no_new_values() -> None:
    label = np.random.default_rng(0).choice(np.array([0, 3, 7, 20, IGNORE], np.uint8), (50, 70))
    transform = TrainingTransform(crop=65, mean=MEAN, scale_step=0)
    for slot in range(20):
        _, result = transform(ramp(50, 70, 2), label, (0, 0, slot))
        assert set(np.unique(result)) <= {0, 3, 7, 20, IGNORE}


def test_scale_step_zero_is_continuous() -> None:
    transform = TrainingTransform(crop=33, mean=MEAN, scale_step=0)
    scales = np.array([draw(transform, (0, 0, slot))[0] for slot in range(100)])
    assert len(np.unique(np.round(scales, 1))) > 10
    assert scales.min() > 0.45 and scales.max() < 2.1


def test_jitter_changes_the_picture_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (33, 33, 3), dtype=np.uint8)
    label = column_label(33, 33)
    plain, jittered = (
        TrainingTransform(crop=33, mean=MEAN, scales=(1, 1), mirror=False, jitter=jitter) for jitter in (0.0, 0.5)
    )
    assert (plain(image, label, (0, 0, 1))[0] == image).all()
    colours = []
    for slot in range(5):
        result, result_label = jittered(image, label, (0, 0, slot))
        assert (result_label == label).all()
        assert (result != image).mean() > 0.3
        colours.append(result.mean((0, 1)))
    assert np.ptp(np.array(colours), axis=0).max() > 5


def test_it_can_be_sent_to_a_process() -> None:
    image, label = ramp(60, 60, 4), column_label(60, 60)
    transform = TrainingTransform(crop=49, mean=MEAN, jitter=0.3)
    copy = pickle.loads(pickle.dumps(transform))
    for first, second in zip(transform(image, label, (0, 1, 2)), copy(image, label, (0, 1, 2)), strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_module_alone_loads_no_albumentations() -> None:
    code = "import sys, segkit.data.transforms; sys.exit('albumentations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"  # set by the transforms built above
