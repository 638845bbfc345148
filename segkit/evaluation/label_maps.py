"""Predictions as label maps in a folder, whatever tool made them, scored as a network's own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from segkit.base.errors import DataError
from segkit.base.label_files import read_label
from segkit.base.labels import IGNORE
from segkit.data.dataset import Dataset, Sample
from segkit.data.folder import LABEL_SUFFIXES
from segkit.data.pairs import files_by_stem
from segkit.evaluation.evaluate import tally
from segkit.evaluation.result import Evaluation
from segkit.evaluation.scoring import read_ahead


class LabelMaps:
    """A folder with a PNG for each picture of a data set, of its name and size, that holds class numbers.

    The PNG is indexed or grey, or RGB with the data set's colours. Files of other names are left out: `others` are
    they. Raises DataError where the folder is not there or lacks a picture's file.
    """

    def __init__(self, folder: Path, dataset: Dataset) -> None:
        hint = "; `segkit predict` writes label maps into the folder labels of its --out"
        files = files_by_stem(folder, LABEL_SUFFIXES, "--predictions", instead=hint)
        missing = [name for name in dataset.ids if name not in files]
        if missing:
            raise DataError(
                f"{folder} has no label map for {len(missing):,} of the {len(dataset):,} pictures (such as "
                f"{missing[0]}.png): a mIoU counts all of them, so predict these too, or choose the --split they are of"
            )
        known = set(dataset.ids)
        self.folder = folder
        self.others = tuple(path for name, path in files.items() if name not in known)
        self._files = files
        self._palette = dataset.palette
        self._classes = len(dataset.classes)

    def read(self, sample: Sample) -> np.ndarray:
        """The label map of a picture, uint8 (H, W).

        Raises DataError where its file is broken, of another size, or holds what is no class at a pixel that is scored.
        """
        path = self._files[sample.name]
        prediction = read_label(path, colours=self._palette)
        if prediction.shape != sample.label.shape:
            (height, width), (true_height, true_width) = prediction.shape, sample.label.shape
            raise DataError(
                f"{path} is {width}x{height} pixels, but its picture {true_width}x{true_height}: "
                "scale the probabilities to the picture's size before the class is chosen, and write the map again"
            )
        wrong = (prediction >= self._classes) & (sample.label != IGNORE)
        if wrong.any():
            values = ", ".join(map(str, np.unique(prediction[wrong])[:5].tolist()))
            raise DataError(
                f"{path} holds {values} at {np.count_nonzero(wrong):,} pixels that are scored, but the classes are 0 "
                f"to {self._classes - 1}: predict a class for every pixel, by its number"
            )
        return prediction


def evaluate_maps(
    maps: LabelMaps,
    dataset: Dataset,
    *,
    about: Mapping[str, Any] | None = None,
    keep: Callable[[int, Sample, np.ndarray], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score label maps by the protocol of `evaluate`, whose arguments these are."""
    scored = ((index, sample, maps.read(sample)) for index, sample in read_ahead(dataset, progress=progress))
    protocol = {"pictures": len(dataset), "predictions": str(maps.folder), **(about or {})}
    return tally(scored, dataset.classes, protocol, keep=keep)
