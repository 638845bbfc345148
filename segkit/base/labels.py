"""Class names, palettes and the one value that means "not labelled"."""

from collections.abc import Sequence

import numpy as np

IGNORE = 255
"""The label of pixels that are neither trained on nor scored, in every label map and in the loss and the metric."""

Palette = tuple[tuple[int, int, int], ...]
"""One RGB colour in 0..255 for each class, in class order."""

VOC_CLASSES = (
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


def voc_palette(count: int) -> Palette:
    """The first `count` (0..256) colours of PASCAL VOC's colour map.

    The bits of the class number are dealt to the high bits of R, G and B in turn (VOC devkit, `VOClabelcolormap.m`).
    """
    colours = []
    for label in range(count):
        rgb = [0, 0, 0]
        for bit in range(8):
            rgb[bit % 3] |= ((label >> bit) & 1) << (7 - bit // 3)
        colours.append((rgb[0], rgb[1], rgb[2]))
    return tuple(colours)


def default_classes(count: int) -> tuple[str, ...]:
    """Names for `count` classes when nothing better is known: VOC's for 21, else "class 0", "class 1", ..."""
    if count == len(VOC_CLASSES):
        return VOC_CLASSES
    return tuple(f"class {label}" for label in range(count))


def palette_table(palette: Sequence[Sequence[int]]) -> np.ndarray:
    """The palette as a uint8 (256, 3) array to index with a label map; IGNORE is VOC's cream (224, 224, 192)."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = np.asarray(palette, np.uint8).reshape(-1, 3)
    table[IGNORE] = (224, 224, 192)
    return table
