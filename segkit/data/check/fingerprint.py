"""Fingerprints of pictures, and the pairs of pictures that are one: exactly, or in another encoding or size."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from segkit.base.files import file_digest

SIDE = 512
"""Pixels a side that a picture keeps for its fingerprint: JPEG's own reduction is another than that of a thumbnail."""

_THUMBNAIL = 32  # pixels a side
_COARSE = 8  # pixels a side of what candidates are found by
_CORRELATED = 0.98  # candidates are at least this much
# Of thumbnails with the same mean and contrast, in grey levels. Measured on CamVid: copies at JPEG quality 20, at half
# the size or brighter differ by at most 2 on average and 12 in the 99th percentile, the most alike frames of a moving
# camera, two apart in the film, by at least 2.4 and 17.
_MEAN, _HIGH = 2.2, 14.0
_FLAT = 4.0  # standard deviation in grey levels under which a picture has nothing to compare
_MOST = 50  # candidates that are compared with a picture, the most correlated
_AT_ONCE = 256  # pictures that candidates are looked for at once


class Fingerprint(NamedTuple):
    """What tells a picture: `digest` of its bytes; `thumbnail`, uint8 (32, 32, 3), of its looks."""

    digest: str
    thumbnail: np.ndarray


class Pair(NamedTuple):
    """A picture of one split and one of another, by their places, that are the same, `exact` to the pixel or nearly."""

    first: int
    second: int
    exact: bool


def fingerprint(picture: np.ndarray, path: Path | None = None) -> Fingerprint:
    """The fingerprint of a picture, uint8 (H, W, 3), by the bytes of its file, or by its pixels where there is none.

    Raises OSError as `open` does.
    """
    digest = hashlib.sha256(picture.tobytes()).hexdigest() if path is None else file_digest(path)
    small = Image.fromarray(picture).resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
    return Fingerprint(digest, np.asarray(small))


def same_pictures(
    first: Sequence[Fingerprint | None],
    second: Sequence[Fingerprint | None],
    same_pixels: Callable[[int, int], bool],
) -> list[Pair]:
    """The pictures of `second` that are in `first`, each with the one it is most like; None is no picture.

    Equal digests are the same picture. Others are candidates if their grey cells of 8x8 are correlated, and are nearly
    the same if their thumbnails are alike once brightness and contrast are made equal; `same_pixels(first, second)` is
    then asked whether they are exactly so.
    """
    there = [(place, found) for place, found in enumerate(first) if found is not None]
    asked = [(place, found) for place, found in enumerate(second) if found is not None]
    digests = {found.digest: place for place, found in reversed(there)}
    pairs = [Pair(digests[found.digest], place, True) for place, found in asked if found.digest in digests]
    others = [(place, found) for place, found in asked if found.digest not in digests]
    if there and others:
        thumbnails = np.stack([found.thumbnail for _, found in there])
        cells = _cells(thumbnails)
        for begin in range(0, len(others), _AT_ONCE):
            part = others[begin : begin + _AT_ONCE]
            correlations = _cells(np.stack([found.thumbnail for _, found in part])) @ cells.T
            for (place, found), row in zip(part, correlations, strict=True):
                nearest = _most_alike(found.thumbnail, thumbnails, row)
                if nearest is not None:
                    match = there[nearest][0]
                    pairs.append(Pair(match, place, same_pixels(match, place)))
    return sorted(pairs, key=lambda pair: pair.second)


def _cells(thumbnails: np.ndarray) -> np.ndarray:
    """Grey cells (N, 64) of thumbnails, of mean 0 and length 1: their products are correlations."""
    step = _THUMBNAIL // _COARSE
    grey = thumbnails.mean(3, dtype=np.float32).reshape(-1, _COARSE, step, _COARSE, step).mean((2, 4)).reshape(-1, 64)
    centred = grey - grey.mean(1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-3)


def _most_alike(thumbnail: np.ndarray, thumbnails: np.ndarray, correlations: np.ndarray) -> int | None:
    near = np.flatnonzero(correlations >= _CORRELATED)
    if len(near) == 0 or thumbnail.std() < _FLAT:
        return None
    near = near[np.argsort(-correlations[near], kind="stable")[:_MOST]]
    differences = np.abs(_levelled(thumbnails[near]) - _levelled(thumbnail[None])) * thumbnail.std()
    means = differences.mean((1, 2, 3))
    alike = (means <= _MEAN) & (np.percentile(differences, 99, axis=(1, 2, 3)) <= _HIGH)
    return int(near[np.argmin(np.where(alike, means, np.inf))]) if alike.any() else None


def _levelled(thumbnails: np.ndarray) -> np.ndarray:
    """Thumbnails (N, 32, 32, 3) with a mean of 0 in each channel and a standard deviation of 1."""
    centred = thumbnails - thumbnails.mean((1, 2), keepdims=True, dtype=np.float32)
    spread: np.ndarray = thumbnails.std((1, 2, 3), keepdims=True, dtype=np.float32)
    return centred / np.maximum(spread, 1e-3)
