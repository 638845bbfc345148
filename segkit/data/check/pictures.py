"""Pictures of which little is left once they are read as every picture is: 8 bits a colour, composed on black."""

from pathlib import Path

import numpy as np
from PIL import Image

from segkit.base.pictures import SIXTEEN_BITS, opened
from segkit.data.finding import Finding

KIND = "picture looks destroyed"

_LEAST_SPREAD = 8
"""Grey levels of 255 between the darkest and the brightest hundredth, under which a picture is nearly constant."""
_LEAST_LARGEST = 2**14
"""Of 16 bits: what a picture that uses them reaches."""
_HIDDEN = 0.5
_LEVELS, _BETWEEN = 64, 0.5
"""How many values, and in what share of the pixels between 0 and 255, no alpha has but a band of a camera."""


def doubt(path: Path, picture: np.ndarray, *, stretched: bool = False) -> Finding | None:
    """Why a picture file, of which `picture`, uint8 (H, W, 3), is what is read, looks destroyed, if it does.

    Raises DataError where the file cannot be read.
    """
    with opened(path) as image:
        told = _told_alpha(image)
        if image.mode in SIXTEEN_BITS and not stretched:
            told = _told_depth(image)
    low, high = np.percentile(picture, (1, 99))
    if told is None and high - low < _LEAST_SPREAD:
        told = f"is (nearly) constant, {low:.0f} to {high:.0f} of 255: check the file, or take it out"
    return None if told is None else Finding("warning", str(path), f"{path} {told}", KIND)


def _told_depth(image: Image.Image) -> str | None:
    largest = int(np.asarray(image).max())
    if largest >= _LEAST_LARGEST:
        return None
    return (
        f"holds {largest.bit_length()} bits in 16 (its largest value is {largest}), of which the high byte is read, so "
        f"{largest // 256 + 1} of 256 grey levels are left: give data.stretch, as import --stretch does"
    )


def _told_alpha(image: Image.Image) -> str | None:
    counts = _alpha(image)
    if counts is None or not counts.sum():
        return None
    shares = counts / counts.sum()
    if image.format == "TIFF" and np.count_nonzero(counts) > _LEVELS and shares[1:255].sum() > _BETWEEN:
        return (
            "has a fourth band that is taken for transparency but has the values of a picture, such as infrared: save "
            "its three colours alone"
        )
    hidden = float(shares[:128].sum())
    if hidden < _HIDDEN:
        return None
    return f"is transparent in {hidden:.0%} of its pixels, which are read as black: save it without transparency"


def _alpha(image: Image.Image) -> np.ndarray | None:
    """How many pixels have each transparency, (256,), 0 for those that are not seen; None where there is none."""
    if "A" in image.getbands():
        return np.array(image.getchannel("A").histogram())
    entries = image.info.get("transparency")
    if image.mode != "P" or entries is None:
        return None
    table = np.full(256, 255)
    if isinstance(entries, bytes):
        table[: len(entries)] = list(entries)
    else:
        table[entries] = 0
    return np.bincount(table, weights=image.histogram(), minlength=256)
