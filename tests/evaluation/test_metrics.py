"""The confusion matrix against counts by hand, a loop and torchmetrics."""

import math

import numpy as np
import pytest
import torch

from segkit.base.labels import IGNORE
from segkit.evaluation.metrics import ConfusionMatrix, count_pixels

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")  # of numpy, which users would see


def matrix(label: object, prediction: object, classes: int) -> ConfusionMatrix:
    confusion = ConfusionMatrix(classes)
    confusion.add(np.array(label), np.array(prediction))
    return confusion


def test_by_hand() -> None:
    confusion = matrix([[0, 0, 1], [1, 1, IGNORE]], [[0, 1, 1], [1, 0, 0]], 2)
    np.testing.assert_array_equal(confusion.counts, [[1, 1], [1, 2]])
    assert confusion.counts.dtype == np.int64
    assert confusion.iou.tolist() == [1 / 3, 2 / 4]
    assert confusion.miou == pytest.approx(5 / 12)
    assert confusion.pixel_accuracy == 3 / 5
    assert confusion.mean_accuracy == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert confusion.counted_classes == 2


def test_rows_are_the_truth() -> None:
    np.testing.assert_array_equal(matrix([2], [1], 3).counts, [[0, 0, 0], [0, 0, 0], [0, 1, 0]])


def test_class_in_neither_is_left_out() -> None:
    confusion = matrix([0, 0, 2, 2], [0, 0, 2, 0], 4)
    np.testing.assert_array_equal(confusion.iou, [2 / 3, np.nan, 1 / 2, np.nan])
    assert confusion.counted_classes == 2
    assert confusion.miou == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert confusion.mean_accuracy == 0.75


def test_class_that_is_only_predicted_counts_as_zero() -> None:
    confusion = matrix([0, 0, 0, 0], [0, 0, 0, 1], 3)
    np.testing.assert_array_equal(confusion.iou, [3 / 4, 0, np.nan])
    assert confusion.counted_classes == 2
    assert confusion.miou == pytest.approx(3 / 8)
    assert confusion.mean_accuracy == 0.75  # only classes in the labels have an accuracy


def test_what_is_asked_of_the_classes_in_the_labels() -> None:
    """Of four classes the second is never predicted and the third never labelled, which counts for the mIoU alone."""
    confusion = ConfusionMatrix(4)
    confusion.add(np.array([0, 0, 0, 1, 3]), np.array([0, 0, 2, 0, 3]))
    assert confusion.miou == pytest.approx((2 / 4 + 0 + 0 + 1) / 4)
    assert confusion.labelled_miou == pytest.approx((2 / 4 + 0 + 1) / 3)
    assert confusion.never_predicted.tolist() == [1]
    assert math.isnan(ConfusionMatrix(4).labelled_miou)
    assert ConfusionMatrix(4).never_predicted.tolist() == []


def test_class_that_is_predicted_only_where_nothing_is_labelled_is_left_out() -> None:
    confusion = matrix([0, IGNORE], [0, 1], 2)
    np.testing.assert_array_equal(confusion.iou, [1, np.nan])
    assert confusion.miou == 1


def test_nothing_but_ignore() -> None:
    confusion = matrix(np.full((3, 3), IGNORE), np.zeros((3, 3), int), 3)
    assert not confusion.counts.any()
    assert confusion.counted_classes == 0
    assert all(np.isnan([confusion.miou, confusion.pixel_accuracy, confusion.mean_accuracy, *confusion.iou]))
    confusion.add(np.array([1]), np.array([1]))
    assert confusion.miou == confusion.pixel_accuracy == 1


def test_it_sums_over_pictures_and_returns_each_ones_own() -> None:
    """One matrix over the set, as the VOC devkit counts: not the mean of what each picture scores."""
    confusion = ConfusionMatrix(2)
    first = confusion.add(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]))
    second = confusion.add(np.array([1]), np.array([1]))
    np.testing.assert_array_equal(first, [[3, 1], [0, 0]])
    np.testing.assert_array_equal(second, [[0, 0], [0, 1]])
    np.testing.assert_array_equal(confusion.counts, first + second)
    assert confusion.iou.tolist() == [3 / 4, 1 / 2]


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64])
def test_any_integers(kind: type) -> None:
    label, prediction = np.array([0, 20, IGNORE], kind), np.array([20, 20, 7], np.int64)
    counts = count_pixels(label, prediction, 21)
    assert counts.dtype == np.int64
    assert counts.sum() == 2 and counts[0, 20] == 1 and counts[20, 20] == 1


def test_many_classes_do_not_overflow() -> None:
    """200 * 200 is more than a uint8 or an int16 holds."""
    assert count_pixels(np.full(9, 199, np.uint8), np.full(9, 199, np.uint8), 200)[199, 199] == 9


@pytest.mark.parametrize(
    ("label", "prediction", "message"),
    [
        ([[0, 1]], [[0], [1]], r"a label of \(1, 2\) and a prediction of \(2, 1\)"),
        ([0, 1], [0, 1, 1], "cannot be compared"),
        ([0, 3], [0, 1], r"a label has values outside 0\.\.2"),
        ([0, -1], [0, 1], "a label has values"),
        ([0, 254], [0, 1], "a label has values"),
        ([0, 1], [0, 3], "a prediction has values"),
        ([0, 1], [-1, 1], "a prediction has values"),
        ([0, 1], [0, IGNORE], "a prediction has values"),
    ],
)
def test_what_cannot_be_counted(label: object, prediction: object, message: str) -> None:
    confusion = ConfusionMatrix(3)
    with pytest.raises(ValueError, match=message):
        confusion.add(np.array(label), np.array(prediction))
    assert not confusion.counts.any()


def random_maps(classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    label = rng.integers(0, classes, (3, 24, 31)).astype(np.uint8)
    prediction = np.where(rng.random(label.shape) < 0.6, label, rng.integers(0, classes, label.shape))
    label[rng.random(label.shape) < 0.15] = IGNORE
    return label, prediction


def test_against_a_loop() -> None:
    label, prediction = random_maps(5)
    hits, in_label, in_prediction = [0] * 5, [0] * 5, [0] * 5
    for truth, guess in zip(label.ravel().tolist(), prediction.ravel().tolist(), strict=True):
        if truth != IGNORE:
            hits[truth] += truth == guess
            in_label[truth] += 1
            in_prediction[guess] += 1
    confusion = ConfusionMatrix(5)
    for each in zip(label, prediction, strict=True):
        confusion.add(*each)
    ious = [hit / (a + b - hit) for hit, a, b in zip(hits, in_label, in_prediction, strict=True)]
    np.testing.assert_allclose(confusion.iou, ious, rtol=1e-12)
    assert confusion.miou == pytest.approx(sum(ious) / 5, rel=1e-12)
    assert confusion.pixel_accuracy == sum(hits) / sum(in_label)
    assert confusion.mean_accuracy == pytest.approx(np.mean(np.array(hits) / in_label), rel=1e-12)


def test_against_torchmetrics() -> None:
    classification = pytest.importorskip("torchmetrics.classification")
    label, prediction = random_maps(7)
    options = {"num_classes": 7, "ignore_index": IGNORE}
    jaccard = classification.MulticlassJaccardIndex(average="none", **options)
    mean = classification.MulticlassJaccardIndex(average="macro", **options)
    accuracy = classification.MulticlassAccuracy(average="micro", **options)
    confusion = ConfusionMatrix(7)
    for truth, guess in zip(label, prediction, strict=True):
        confusion.add(truth, guess)
        for metric in (jaccard, mean, accuracy):
            metric.update(
                torch.from_numpy(guess.astype(np.int64))[None], torch.from_numpy(truth.astype(np.int64))[None]
            )
    np.testing.assert_allclose(confusion.iou, jaccard.compute().numpy(), rtol=1e-6)
    assert confusion.miou == pytest.approx(mean.compute().item(), rel=1e-6)
    assert confusion.pixel_accuracy == pytest.approx(accuracy.compute().item(), rel=1e-6)
