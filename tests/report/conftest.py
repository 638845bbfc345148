"""An evaluation of pictures drawn by hand, for the pages."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pytest

from segkit.base.labels import IGNORE, Palette, voc_palette
from segkit.data.dataset import Sample
from segkit.evaluation.evaluate import count_picture
from segkit.evaluation.gallery import Gallery
from segkit.evaluation.result import Evaluation
from segkit.report.gallery import PageGallery


class Drawn:
    """A data set of pictures of 60x80 pixels: a rectangle of one class on the first, within a border of IGNORE."""

    def __init__(self, classes: Sequence[str], names: Sequence[str]) -> None:
        self.classes, self.palette, self.ids = tuple(classes), voc_palette(len(classes)), list(names)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        label = np.zeros((60, 80), np.uint8)
        label[20:40, 20:50] = self.of(index)
        label[18:20, 20:50] = IGNORE
        picture = np.random.default_rng(index).integers(0, 256, (60, 80, 3)).astype(np.uint8)
        return Sample(picture, label, self.ids[index])

    def of(self, index: int) -> int:
        """The class of the rectangle."""
        return 1 + index % (len(self.classes) - 1)

    def prediction(self, index: int) -> np.ndarray:
        """Less of the rectangle is found the higher the index; the last column is taken for another class."""
        label = np.zeros((60, 80), np.uint8)
        label[20:40, 20 : 50 - 28 * index // len(self)] = self.of(index)
        label[:, -1] = len(self.classes) - 1
        return label


class Evaluated(NamedTuple):
    """All that a page is made of."""

    evaluation: Evaluation
    gallery: PageGallery
    palette: Palette


@pytest.fixture(scope="session")
def evaluated() -> Callable[..., Evaluated]:
    """A function that evaluates as many pictures as it is given names."""

    def evaluated(classes: Sequence[str], names: Sequence[str]) -> Evaluated:
        dataset = Drawn(classes, names)
        gallery = Gallery(dataset.palette, pictures=len(dataset))
        pictures = []
        for index in range(len(dataset)):
            pictures.append(count_picture(dataset[index], dataset.prediction(index), len(classes)))
            gallery.keep(index, dataset[index], dataset.prediction(index))
        protocol = {"pictures": len(dataset), "scales": [0.5, 1.0], "flip": True, "window": None, "weights": "best"}
        evaluation = Evaluation(tuple(classes), tuple(pictures), protocol, 75.3)
        return Evaluated(evaluation, gallery.details(evaluation, dataset), dataset.palette)

    return evaluated
