"""Figures of a split, and the class weights that follow from them."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from segkit.base.labels import IGNORE
from segkit.data.check.look import SplitLooks


@dataclass(frozen=True)
class SplitFigures:
    """What is in a split: `pixels` of each class, the pictures `holding` each, and the pixels of IGNORE.

    `beside` are all labelled pixels of the pictures that a class is in; `sizes` are (width, height, how many pictures),
    most frequent first. What could not be read is only in `pictures`.
    """

    name: str
    pictures: int
    pixels: tuple[int, ...]
    holding: tuple[int, ...]
    beside: tuple[int, ...]
    ignored: int
    sizes: tuple[tuple[int, int, int], ...]


def split_figures(split: SplitLooks) -> SplitFigures:
    """The figures of a split from the looks at its pictures."""
    labels = [look.pixels for look in split.looks if look.pixels is not None]
    counts = np.array(labels, np.int64).reshape(-1, 256)
    of_classes = counts[:, : len(split.dataset.classes)]
    occurs = of_classes > 0
    sizes = Counter(look.size for look in split.looks if look.size is not None)
    return SplitFigures(
        split.name,
        len(split.looks),
        tuple(of_classes.sum(0).tolist()),
        tuple(occurs.sum(0).tolist()),
        tuple((occurs * of_classes.sum(1, keepdims=True)).sum(0).tolist()),
        int(counts[:, IGNORE].sum()),
        tuple((*size, count) for size, count in sizes.most_common()),
    )


def median_frequency_weights(figures: SplitFigures) -> tuple[float, ...] | None:
    """A weight for each class: the median frequency over its own; None where nothing is labelled.

    A class's frequency is its share of the labelled pixels of the pictures it is in (Eigen & Fergus 2015,
    https://arxiv.org/abs/1411.4734; SegNet used it). A class that does not occur gets 1 and is not in the median.
    """
    pixels, beside = np.array(figures.pixels, float), np.array(figures.beside, float)
    occurs = pixels > 0
    if not occurs.any():
        return None
    frequencies = pixels[occurs] / beside[occurs]
    weights = np.ones(len(pixels))
    weights[occurs] = np.median(frequencies) / frequencies
    return tuple(float(f"{weight:.4g}") for weight in weights)
