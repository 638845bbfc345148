"""What can be had on the shapes without looking at shapes: a constant answer, and classifiers of single pixels.

    python tools/shapes_baselines.py [--side 129] [--train 400] [--val 200] [--json FILE]

A network that scores near these figures has learnt nothing of the objects' outlines. Takes about a minute.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from segkit.base.labels import IGNORE
from segkit.data.dataset import Sample
from segkit.data.shapes import CLASSES, DEFAULT_SIDE, ShapesDataset
from segkit.evaluation.metrics import ConfusionMatrix

BITS = 5  # of a colour channel that the histogram keeps: 32 x 32 x 32 bins
SMOOTHING = 1.0  # standard deviation in bins, since most bins see few pixels
PRIOR_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)

Predict = Callable[[np.ndarray], np.ndarray]
"""uint8 (H, W, 3) -> uint8 (H, W)."""


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=DEFAULT_SIDE, help="pixels a side")
    parser.add_argument("--train", type=int, default=400, help="training pictures that the colour classifiers see")
    parser.add_argument("--val", type=int, default=200, help="validation pictures that are scored")
    parser.add_argument("--seed", type=int, default=0, help="of the data set")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()

    figures = measure(side=arguments.side, train=arguments.train, val=arguments.val, seed=arguments.seed)
    print(f"constant answer            {100 * figures['constant']:5.2f} % mIoU")
    print(f"best colour classifier     {100 * figures['colour']:5.2f} % mIoU")
    for power, miou in figures["colour_by_power"].items():
        print(f"  classes ** -{power:<14} {100 * miou:5.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(*, side: int, train: int, val: int, seed: int = 0) -> dict:
    """mIoU (0..1) of the best constant answer and of the best colour classifier on `val` validation pictures.

    The classifiers are the Bayes decision on a smoothed RGB histogram of `train` training pictures, for several powers
    by which a class's frequency is divided out: 0 is the most accurate per pixel, 1 treats all classes alike, and the
    best mIoU lies in between.
    """
    samples = list(ShapesDataset("val", size=val, side=side, seed=seed))
    constant = max(score(samples, constantly(label)) for label in range(len(CLASSES)))
    histogram = colour_histogram(ShapesDataset("train", size=train, side=side, seed=seed))
    by_power = {str(power): score(samples, by_colour(histogram, power)) for power in PRIOR_POWERS}
    return {
        "side": side,
        "train_pictures": train,
        "val_pictures": val,
        "seed": seed,
        "constant": constant,
        "colour": max(by_power.values()),
        "colour_by_power": by_power,
    }


def score(samples: list[Sample], predict: Predict) -> float:
    """mIoU over all the pictures, one confusion matrix, IGNORE left out."""
    matrix = ConfusionMatrix(len(CLASSES))
    for sample in samples:
        matrix.add(sample.label, predict(sample.image))
    return matrix.miou


def constantly(label: int) -> Predict:
    """The same class for every pixel."""
    return lambda image: np.full(image.shape[:2], label, np.uint8)


def colour_histogram(samples: ShapesDataset) -> np.ndarray:
    """How often each class has each colour: float (classes, 32, 32, 32), smoothed."""
    side = 2**BITS
    counts = np.zeros((len(CLASSES), side**3))
    for bins, labels in _labelled(samples):
        np.add.at(counts, (labels, bins), 1)
    cube = counts.reshape(-1, side, side, side)
    for axis in (1, 2, 3):
        cube = np.moveaxis(_blur(np.moveaxis(cube, axis, -1)), -1, axis)
    return cube


def by_colour(histogram: np.ndarray, power: float) -> Predict:
    """The class whose share of a pixel's colour, divided by its share of all pixels to `power`, is the largest."""
    counts = histogram.reshape(len(CLASSES), -1)
    frequency = counts.sum(1, keepdims=True)
    # A colour that was never seen is answered as if it were all colours.
    table = ((counts + 1e-3 * frequency / frequency.sum()) / frequency**power).argmax(0).astype(np.uint8)
    return lambda image: table[_bins(image)]


def _labelled(samples: ShapesDataset) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for sample in samples:
        valid = sample.label != IGNORE
        yield _bins(sample.image)[valid], sample.label[valid]


def _bins(image: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(image.astype(np.int64) >> (8 - BITS), -1, 0)
    return (red << (2 * BITS)) | (green << BITS) | blue


def _blur(cube: np.ndarray) -> np.ndarray:
    rows = np.ascontiguousarray(cube).reshape(-1, cube.shape[-1])
    kernel = cv2.getGaussianKernel(7, SMOOTHING).T
    return cv2.filter2D(rows, -1, kernel, borderType=cv2.BORDER_REFLECT).reshape(cube.shape)


if __name__ == "__main__":
    main()
