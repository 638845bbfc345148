"""Pictures and label maps under a mistake, on tiny arrays."""

import numpy as np

from tools.mistakes.pictures import (
    bgr,
    bilinear_label,
    centre_cropped,
    ignore_as_background,
    jpeg,
    letterboxed,
    nearest_class,
    resized,
)


def test_bgr_twice_is_the_picture(sample) -> None:
    turned = bgr(sample.image)
    np.testing.assert_array_equal(turned[..., 0], sample.image[..., 2])
    assert not np.array_equal(turned, sample.image)
    np.testing.assert_array_equal(bgr(turned), sample.image)


def test_jpeg_loses_something_and_keeps_the_rest(sample) -> None:
    saved = jpeg(sample.image)
    assert saved.shape == sample.image.shape and saved.dtype == np.uint8
    lost = {quality: np.abs(jpeg(sample.image, quality).astype(int) - sample.image).mean() for quality in (10, 50, 95)}
    assert 30 > lost[10] > lost[50] > lost[95] > 0


def test_resized_stretches_picture_and_label_alike() -> None:
    label = np.array([[0, 1], [2, 255]], np.uint8)
    picture = np.repeat(label[:, :, None], 3, axis=2)
    large, labels = resized(picture, label, 6)
    assert large.shape == (6, 6, 3)
    np.testing.assert_array_equal(labels, np.kron(label, np.ones((3, 3))))
    assert large[0, 0].tolist() == [0, 0, 0] and large[-1, -1].tolist() == [255, 255, 255]


def test_a_bilinear_label_has_classes_that_neither_neighbour_had() -> None:
    label = np.array([[2, 2, 8, 8]] * 4, np.uint8)
    stretched = bilinear_label(label, 16, 21)
    assert set(np.unique(resized(np.zeros((4, 4, 3), np.uint8), label, 16)[1])) == {2, 8}
    assert {4, 5, 6} & set(np.unique(stretched))
    assert stretched.min() == 2 and stretched.max() == 8


def test_a_bilinear_label_beside_255_is_a_class_or_ignored() -> None:
    label = np.array([[0, 255]] * 2, np.uint8)
    values = set(np.unique(bilinear_label(label, 40, 21)))
    assert {0, 255} < values and values - {255} <= set(range(21))


def test_a_letterbox_keeps_the_form_and_is_centred() -> None:
    picture = np.full((2, 4, 3), 200, np.uint8)
    label = np.array([[1, 1, 2, 2]] * 2, np.uint8)
    square, labels = letterboxed(picture, label, 8, mean=(10.4, 20.6, 30.0))
    assert square.shape == (8, 8, 3)
    assert (square[2:6] == 200).all()
    assert (square[[0, 1, 6, 7]] == (10, 21, 30)).all()
    np.testing.assert_array_equal(labels[2:6], np.kron(label, np.ones((2, 2))))
    assert (labels[[0, 1, 6, 7]] == 255).all()
    upright, upright_labels = letterboxed(picture.transpose(1, 0, 2), label.T, 8, mean=(10.4, 20.6, 30.0))
    np.testing.assert_array_equal(upright, square.transpose(1, 0, 2))
    np.testing.assert_array_equal(upright_labels, labels.T)


def test_a_centre_crop_leaves_the_ends_of_the_longer_side_out() -> None:
    label = np.array([[0, 1, 2, 3]] * 2, np.uint8)
    picture = np.repeat(50 * label[:, :, None], 3, axis=2)
    square, labels = centre_cropped(picture, label, 4)
    assert square.shape == (4, 4, 3)
    np.testing.assert_array_equal(labels, np.kron(label[:, 1:3], np.ones((2, 2))))
    assert square.min() < 75 < square.max() and square.flags.c_contiguous


def test_ignored_pixels_become_background() -> None:
    np.testing.assert_array_equal(ignore_as_background(np.array([[3, 255, 0]], np.uint8)), [[3, 0, 0]])


def test_ignored_pixels_become_the_nearest_class() -> None:
    label = np.array([[1, 255, 255, 255, 2], [1, 255, 255, 2, 2]], np.uint8)
    filled = nearest_class(label)
    np.testing.assert_array_equal(filled[:, [0, 1, 3, 4]], [[1, 1, 2, 2], [1, 1, 2, 2]])
    assert filled[1, 2] == 2 and filled[0, 2] in (1, 2) and filled.dtype == np.uint8
    void = np.full((2, 2), 255, np.uint8)
    np.testing.assert_array_equal(nearest_class(void), void)
    known = np.array([[0, 1]], np.uint8)
    np.testing.assert_array_equal(nearest_class(known), known)
