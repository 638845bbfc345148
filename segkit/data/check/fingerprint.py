"""Fingerprints of pictures, and the pairs of pictures that are one: exactly, or in another encoding or size."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 64
"""Pixels a side that a picture has to keep for its fingerprint."""

_THUMBNAIL = 32  # pixels a side
_BITS = 8  # of 64 bits, how many may differ
# Of thumbnails with the same mean and contrast, in grey levels. Measured on CamVid: copies at JPEG quality 20, at half
# the size or brighter differ by at most 2 on average and 12 in the 99th percentile, the most alike frames of a moving
# camera, two apart in the film, by at least 2.4 and 17.
_MEAN, _HIGH = 2.2, 14.0
_FLAT = 4.0  # standard deviation in grey levels under which a picture has nothing to compare
_MOST = 200  # candidates that are compared with a picture, the nearest in their bits


class Fingerprint(NamedTuple):
    """What tells a picture: `digest` of its bytes; `bits`, 64, of its shapes; `thumbnail`, uint8 (32, 32, 3)."""

    digest: bytes
    bits: int
    thumbnail: np.ndarray


class Pair(NamedTuple):
    """A picture of one split and one of another, by their places, that are the same, `exact` to the pixel or nearly."""

    first: int
    second: int
    exact: bool


def fingerprint(picture: np.ndarray, digest: bytes | None = None) -> Fingerprint:
    """The fingerprint of a picture, uint8 (H, W, 3); `digest` is of its pixels where it is not given.

    The bits are a difference hash: whether each cell of 8x8 is darker than its right neighbour
    (https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html).
    """
    image = Image.fromarray(picture)
    small = image.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
    grey = np.asarray(small.convert("L").resize((9, 8), Image.Resampling.BOX)).astype(int)
    bits = int(np.packbits((grey[:, 1:] > grey[:, :-1]).ravel()).view(np.uint64)[0])
    return Fingerprint(digest or hashlib.blake2b(picture.tobytes(), digest_size=16).digest(), bits, np.asarray(small))


def fingerprint_of_file(path: Path, picture: np.ndarray) -> Fingerprint:
    """The fingerprint of a picture, uint8 (H, W, 3), with the digest of its file; OSError as `open` raises it."""
    with open(path, "rb") as file:
        return fingerprint(picture, hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest())


def same_pictures(
    first: Sequence[Fingerprint | None],
    second: Sequence[Fingerprint | None],
    same_pixels: Callable[[int, int], bool],
) -> list[Pair]:
    """The pictures of `second` that are in `first`, each with the one it is most like; None is no picture.

    Equal digests are the same picture. Others are candidates if few of their bits differ, and are nearly the same if
    their thumbnails are too, once brightness and contrast are made equal; `same_pixels(first, second)` is then asked
    whether they are exactly so.
    """
    places = [place for place, found in enumerate(first) if found is not None]
    if not places:
        return []
    prints = [found for found in first if found is not None]
    digests = {found.digest: place for found, place in zip(reversed(prints), reversed(places), strict=True)}
    bits = np.array([found.bits for found in prints], np.uint64)
    pairs = []
    for place, found in enumerate(second):
        if found is None:
            continue
        if found.digest in digests:
            pairs.append(Pair(digests[found.digest], place, True))
            continue
        nearest = _nearest(found, prints, bits)
        if nearest is not None:
            pairs.append(Pair(places[nearest], place, same_pixels(places[nearest], place)))
    return pairs


def _nearest(found: Fingerprint, others: Sequence[Fingerprint], bits: np.ndarray) -> int | None:
    distances = np.bitwise_count(bits ^ np.uint64(found.bits))
    near = np.flatnonzero(distances <= _BITS)
    if len(near) == 0 or found.thumbnail.std() < _FLAT:
        return None
    near = near[np.argsort(distances[near], kind="stable")[:_MOST]]
    thumbnails = np.stack([others[place].thumbnail for place in near.tolist()])
    differences = np.abs(_levelled(thumbnails) - _levelled(found.thumbnail[None])) * found.thumbnail.std()
    means = differences.mean((1, 2, 3))
    high = np.percentile(differences, 99, axis=(1, 2, 3))
    alike = (means <= _MEAN) & (high <= _HIGH)
    return int(near[np.argmin(np.where(alike, means, np.inf))]) if alike.any() else None


def _levelled(thumbnails: np.ndarray) -> np.ndarray:
    """Thumbnails (N, 32, 32, 3) with a mean of 0 in each channel and a standard deviation of 1."""
    centred = thumbnails - thumbnails.mean((1, 2), keepdims=True, dtype=np.float32)
    spread: np.ndarray = thumbnails.std((1, 2, 3), keepdims=True, dtype=np.float32)
    return centred / np.maximum(spread, 1e-3)
