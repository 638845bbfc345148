"""The built-in set: reproducible, every class in it, and nothing to be had from colour."""

import time

import numpy as np
import pytest

from segkit.base.labels import IGNORE
from segkit.data.dataset import FirstPictures
from segkit.data.shapes import CLASSES, SPLITS, ShapesDataset
from segkit.evaluation.metrics import ConfusionMatrix


def test_a_picture_is_a_function_of_seed_split_and_index() -> None:
    first, again = ShapesDataset("train", size=9, side=65, seed=3), ShapesDataset("train", size=4, side=65, seed=3)
    _ = again[1]
    for one, other in zip(first[2], again[2], strict=True):
        np.testing.assert_array_equal(one, other)
    others = [first[3], ShapesDataset("val", size=9, side=65, seed=3)[2], ShapesDataset("train", size=9, side=65)[2]]
    for other in others:
        assert (other.image != first[2].image).mean() > 0.5
    assert len({sample.name for sample in first}) == len(first) == 9


@pytest.mark.parametrize("split", SPLITS)
def test_pictures_and_labels(split: str) -> None:
    dataset = ShapesDataset(split, size=20, side=97)
    for sample in dataset:
        assert sample.image.shape == (97, 97, 3) and sample.image.dtype == np.uint8
        assert sample.label.shape == (97, 97) and sample.label.dtype == np.uint8
        assert set(np.unique(sample.label)) <= {*range(len(CLASSES)), IGNORE}
        assert len(np.unique(sample.label)) >= 3  # background, border and an object at least
        assert sample.image.std() > 5


def test_every_class_takes_its_part() -> None:
    dataset = ShapesDataset("val", size=100, side=65)
    counts = np.bincount(np.concatenate([sample.label.ravel() for sample in dataset]), minlength=256)
    shares = counts[: len(CLASSES)] / counts[: len(CLASSES)].sum()
    assert shares[0] < 0.7
    assert shares[1:].min() > 0.02
    assert 0.05 < counts[IGNORE] / counts.sum() < 0.25
    assert counts.sum() == counts[: len(CLASSES)].sum() + counts[IGNORE]


def test_objects_and_background_are_parted_by_a_border() -> None:
    for sample in ShapesDataset("train", size=10, side=97):
        for one, other in ((sample.label[1:], sample.label[:-1]), (sample.label[:, 1:], sample.label[:, :-1])):
            assert ((one == other) | (one == IGNORE) | (other == IGNORE)).all()


def test_a_constant_answer_scores_at_most_ten_percent() -> None:
    matrix = ConfusionMatrix(len(CLASSES))
    for sample in ShapesDataset("val", size=100, side=97):
        matrix.add(sample.label, np.zeros_like(sample.label))
    assert matrix.miou <= 0.10


def test_drawing_is_quick() -> None:
    dataset = ShapesDataset("train", size=20)
    start = time.process_time()
    for index in range(20):
        _ = dataset[index]
    assert (time.process_time() - start) / 20 < 0.05  # 2-4 ms on an idle core


def test_splits_and_indices_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="unknown split 'trian'"):
        ShapesDataset("trian", size=3)
    with pytest.raises(IndexError, match="has 3 pictures: no number 3"):
        _ = ShapesDataset("train", size=3)[3]
    assert len(list(ShapesDataset("train", size=3, side=33))) == 3


def test_the_first_pictures_of_a_set() -> None:
    whole = ShapesDataset("val", size=4, side=33)
    first = FirstPictures(whole, 2)
    assert (len(first), list(first.ids), first.classes) == (2, list(whole.ids[:2]), whole.classes)
    assert (first[1].image == whole[1].image).all()
    with pytest.raises(IndexError):
        first[2]
    assert len(FirstPictures(whole, 9)) == 4
