"""Labels that were made for the picture as it is stored, where its EXIF orientation mirrors or turns it."""

from pathlib import Path

import numpy as np
from PIL import Image

from segkit.base.labels import IGNORE
from segkit.base.pictures import exif_orientation, turned

_BETTER = 1.2  # times as much contrast of the picture along the borders of the label
_LEAST = 64  # pixels of border to judge by


def fits_turned(path: Path, picture: np.ndarray, label: np.ndarray) -> int | None:
    """The EXIF orientation of the picture in `path` if the label fits better once it is turned by it, else None.

    Classes meet where the picture has an edge. `picture`, uint8 (h, w, 3), is turned already and may be smaller than
    `label`, uint8 (H, W). Only labels as large as their picture are judged: others show in their size.
    """
    orientation = exif_orientation(path)
    if orientation == 1:
        return None
    size = picture.shape[1], picture.shape[0]
    grey = np.asarray(Image.fromarray(picture).convert("L")).astype(np.float32)
    as_it_is, better = (
        _contrast(grey, np.asarray(Image.fromarray(each).resize(size, Image.Resampling.NEAREST)))
        for each in (label, turned(label, orientation))
    )
    return orientation if as_it_is is not None and better is not None and better > _BETTER * as_it_is else None


def _contrast(grey: np.ndarray, label: np.ndarray) -> float | None:
    """The mean step in grey between neighbours of two classes, or None where there are few."""
    steps = []
    for axis in (0, 1):
        low, high = np.moveaxis(label, axis, 0)[:-1], np.moveaxis(label, axis, 0)[1:]
        borders = (low != high) & (low != IGNORE) & (high != IGNORE)
        steps.append(np.abs(np.diff(np.moveaxis(grey, axis, 0), axis=0))[borders])
    found = np.concatenate(steps)
    return float(found.mean()) if len(found) >= _LEAST else None
