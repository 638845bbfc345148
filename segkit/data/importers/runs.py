"""COCO's run lengths (RLE), as numbers and as packed text, decoded in the box of the object alone.

Decoded here and not by the COCO API: its C code trusts what it is given.
"""

from typing import Any

import cv2
import numpy as np

from segkit.base.errors import DataError
from segkit.data.importers.painting import NOTHING, Patch

_LONGEST = 7  # groups of five bits; more than a number of pixels in any picture has


def rle_patch(segmentation: Any, height: int, width: int) -> Patch:
    """The run lengths `{"size": [height, width], "counts": ...}` of an object.

    Raises DataError where they are of another size, neither text nor numbers, damaged, or do not fill the picture.
    """
    if [int(side) for side in segmentation["size"]] != [height, width]:
        raise DataError(f"an object is of {segmentation['size']} pixels, not of its picture's {[height, width]}")
    counts = segmentation["counts"]
    if isinstance(counts, str):
        return runs_patch(coco_counts(counts), height, width)
    if not isinstance(counts, list) or not all(isinstance(count, int) for count in counts):
        raise DataError("its run lengths (RLE) are neither text nor numbers: export it again")
    return runs_patch(np.array([min(max(count, -1), height * width + 1) for count in counts], np.int64), height, width)


def runs_patch(counts: np.ndarray, height: int, width: int) -> Patch:
    """Run lengths of 0 and 1 in turn down the columns, int64 (N,).

    Raises DataError unless they are numbers of pixels that sum up to those of the picture.
    """
    if counts.size and (counts.min() < 0 or counts.max() > height * width):
        raise DataError("its run lengths (RLE) are not numbers of pixels in the picture: export it again")
    if counts.sum() != height * width:
        raise DataError(
            f"its run lengths (RLE) cover {counts.sum()} pixels, but the picture has {width}x{height}: export it again"
        )
    ends = np.cumsum(counts)
    ones = np.flatnonzero(counts[1::2]) * 2 + 1
    if not ones.size:
        return NOTHING
    first, last = ends[ones - 1], ends[ones] - 1
    left, right = int(first[0]) // height, int(last[-1]) // height + 1
    top, bottom = int((first % height).min()), int((last % height).max()) + 1
    if (first // height != last // height).any():  # a run that goes on in the next column
        top, bottom = 0, height
    before, after = first[0] - left * height, right * height - 1 - last[-1]  # zeros in the columns of the box
    inside = np.concatenate(([before], counts[ones[0] : ones[-1] + 1], [after]))
    values = np.zeros(len(inside), np.uint8)
    values[1::2] = 1
    columns = np.repeat(values, inside).reshape(right - left, height)
    return Patch(top, left, cv2.transpose(columns[:, top:bottom]).view(bool))


def coco_counts(text: str) -> np.ndarray:
    """The run lengths in COCO's compressed form, int64 (N,); DataError where they are not that.

    A number is written in groups of five bits, the lowest first, in characters from "0" on; bit 5 says that more
    follow, bit 4 of the last is the sign; from the third on, the difference to the number two before is written
    (cocoapi `common/maskApi.c`, rleToString).
    """
    if not text.isascii():
        raise DataError("its run lengths (RLE) are damaged: export it again")
    groups = np.frombuffer(text.encode(), np.uint8).astype(np.int64) - ord("0")
    if not groups.size:
        return groups
    last = (groups & 32) == 0
    if groups.min() < 0 or groups.max() > 63:
        raise DataError("its run lengths (RLE) are damaged: export it again")
    if not last[-1]:
        raise DataError("its run lengths (RLE) are cut short: export it again")
    ends = np.flatnonzero(last) + 1
    starts = np.zeros_like(ends)
    starts[1:] = ends[:-1]
    lengths = ends - starts
    if lengths.max() > _LONGEST:
        raise DataError("its run lengths (RLE) are damaged: export it again")
    place = np.arange(len(groups)) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((groups & 31) << (5 * place), starts)
    numbers -= ((groups[last] >> 4) & 1) << (5 * lengths)
    numbers[2::2] = np.cumsum(numbers[2::2])
    numbers[1::2] = np.cumsum(numbers[1::2])
    return numbers
