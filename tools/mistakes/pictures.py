"""Pictures and label maps under a mistake. Pictures are uint8 (H, W, 3) RGB, label maps uint8 (H, W) with IGNORE."""

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from segkit.base.labels import IGNORE

Pair = tuple[np.ndarray, np.ndarray]
"""A picture and its label map."""

BACKGROUND = 0


def bgr(picture: np.ndarray) -> np.ndarray:
    """The channels in the order in which OpenCV reads them."""
    return np.ascontiguousarray(picture[:, :, ::-1])


def jpeg(picture: np.ndarray, quality: int = 50) -> np.ndarray:
    """The picture saved as a JPEG of `quality` and read again."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def resized(picture: np.ndarray, label: np.ndarray, side: int) -> Pair:
    """Both stretched to a square, the picture bilinearly, the label map to the nearest."""
    return _resize_picture(picture, side, side), _resize_label(label, side, side)


def bilinear_label(label: np.ndarray, side: int, classes: int) -> np.ndarray:
    """A label map stretched to a square as if its numbers were brightnesses; what is no class then becomes IGNORE.

    That is what a metric does that counts labels below the number of classes and leaves the others out.
    """
    stretched = cv2.resize(label, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.where(stretched < classes, stretched, IGNORE).astype(np.uint8)


def letterboxed(picture: np.ndarray, label: np.ndarray, side: int, mean: Sequence[float]) -> Pair:
    """Both resized so that the longer side is `side`, and centred on a square of the colour `mean` and of IGNORE."""
    height, width = _scaled(label, side / max(label.shape))
    top, left = (side - height) // 2, (side - width) // 2
    inside = slice(top, top + height), slice(left, left + width)
    square = np.empty((side, side, 3), np.uint8)
    square[:] = np.round(mean)
    square[inside] = _resize_picture(picture, height, width)
    labels = np.full((side, side), IGNORE, np.uint8)
    labels[inside] = _resize_label(label, height, width)
    return square, labels


def centre_cropped(picture: np.ndarray, label: np.ndarray, side: int) -> Pair:
    """The middle square of both, resized so that the shorter side is `side`."""
    height, width = _scaled(label, side / min(label.shape))
    top, left = (height - side) // 2, (width - side) // 2
    inside = slice(top, top + side), slice(left, left + side)
    large = _resize_picture(picture, height, width), _resize_label(label, height, width)
    return np.ascontiguousarray(large[0][inside]), np.ascontiguousarray(large[1][inside])


def ignore_as_background(label: np.ndarray) -> np.ndarray:
    """IGNORE replaced by the background."""
    return np.where(label == IGNORE, BACKGROUND, label).astype(np.uint8)


def nearest_class(label: np.ndarray) -> np.ndarray:
    """IGNORE replaced by the class of the nearest pixel that has one."""
    from scipy.ndimage import distance_transform_edt

    unknown = label == IGNORE
    if unknown.all():
        return label
    rows, columns = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return label[rows, columns]


def _scaled(label: np.ndarray, factor: float) -> tuple[int, int]:
    height, width = label.shape
    return max(1, round(height * factor)), max(1, round(width * factor))


def _resize_picture(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)


def _resize_label(label: np.ndarray, height: int, width: int) -> np.ndarray:
    return cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
