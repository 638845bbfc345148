"""The confusion matrix and what is computed from it."""

import numpy as np

from segkit.base.labels import IGNORE


class ConfusionMatrix:
    """Pixel counts of a whole set, int64 (classes, classes): rows are the truth, columns the prediction.

    One matrix over all pictures, as the PASCAL VOC devkit counts; a mean of per-picture scores is another figure.
    """

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, classes), np.int64)

    def add(self, label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Count one picture and return its own counts, of the same shape as `counts`.

        `label` and `prediction` are integer arrays of one shape; where the label is IGNORE nothing is counted. Raises
        ValueError for different shapes and for values that are no class.
        """
        counts = count_pixels(label, prediction, len(self.counts))
        self.counts += counts
        return counts

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union of each class; NaN for a class that is neither in the labels nor predicted."""
        correct = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - np.diag(self.counts)
        return _divide(correct, union)

    @property
    def counted_classes(self) -> int:
        """How many classes have an IoU, and so enter the mean."""
        return int(np.count_nonzero(~np.isnan(self.iou)))

    @property
    def miou(self) -> float:
        """The mean of the IoUs that are not NaN, in 0..1; NaN when no pixel was counted."""
        return _mean(self.iou)

    @property
    def labelled_miou(self) -> float:
        """The mean of the IoUs of the classes in the labels, in 0..1; NaN when no pixel was counted.

        Over the same classes whatever is predicted, as the mIoU is not: to compare the predictions of one set.
        """
        return _mean(self.iou[self.counts.sum(1) > 0])

    @property
    def never_predicted(self) -> np.ndarray:
        """The indices of the classes that are in the labels and not predicted anywhere."""
        return np.flatnonzero((self.counts.sum(1) > 0) & (self.counts.sum(0) == 0))

    @property
    def pixel_accuracy(self) -> float:
        """The share of pixels whose class was predicted, in 0..1."""
        return float(_divide(np.trace(self.counts), self.counts.sum()))

    @property
    def mean_accuracy(self) -> float:
        """The mean over the classes in the labels of the share of their pixels that was predicted, in 0..1."""
        return _mean(_divide(np.diag(self.counts), self.counts.sum(1)))


def count_pixels(label: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """The int64 (classes, classes) counts of one picture; arguments and errors as in `ConfusionMatrix.add`."""
    if label.shape != prediction.shape:
        raise ValueError(f"a label of {label.shape} and a prediction of {prediction.shape} cannot be compared")
    valid = label != IGNORE
    truth = label[valid].astype(np.int64)
    guess = prediction[valid].astype(np.int64)
    for name, values in (("label", truth), ("prediction", guess)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"a {name} has values outside 0..{classes - 1}")
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(numerator / denominator, np.float64)


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")
