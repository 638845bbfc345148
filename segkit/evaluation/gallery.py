"""What a page shows of the pictures of an evaluation: all of them small, the best, median and worst with layers."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from segkit.base.label_files import read_label, save_label
from segkit.base.labels import Palette
from segkit.data.dataset import Dataset, Sample
from segkit.evaluation.counts import picture_miou
from segkit.evaluation.result import Evaluation
from segkit.evaluation.scoring import read_ahead
from segkit.report.gallery import (
    THUMBNAIL_QUALITY,
    THUMBNAIL_WIDTH,
    Example,
    PageGallery,
    PictureRow,
    layers,
    thumbnail,
)

THUMBNAIL_BYTES = 6_000_000
"""The thumbnails of a page together: 8 MB as text, so that the page stays well under 15 MB."""
EACH = 4
"""So many of the best, the median and the worst pictures are shown with their layers."""
_KINDS = ((3800, THUMBNAIL_WIDTH, THUMBNAIL_QUALITY), (1600, 96, 55), (700, 64, 35))
"""Thumbnails by the bytes that each of them may take on average: their width and their quality."""


class Gallery:
    """Pass `keep` to `evaluate`, then ask for the `details`.

    Memory stays bounded: of a picture only a thumbnail is held, of all together at most THUMBNAIL_BYTES; predictions
    wait in a temporary folder, which goes with the details or with the object.
    """

    def __init__(self, palette: Palette, *, pictures: int) -> None:
        self.palette = palette
        self.thumbnails: dict[int, bytes] = {}
        self._kind = next((kind for least, *kind in _KINDS if pictures * least <= THUMBNAIL_BYTES), None)
        self._room = THUMBNAIL_BYTES
        self._folder = TemporaryDirectory(prefix="segkit-")

    def keep(self, index: int, sample: Sample, prediction: np.ndarray) -> None:
        """Take what is to be shown of a picture and its prediction, uint8 (H, W)."""
        save_label(self._file(index), prediction, self.palette)
        if self._kind is None:
            return
        width, quality = self._kind
        data = thumbnail(sample.image, sample.label, prediction, self.palette, width=width, quality=quality)
        if len(data) <= self._room:
            self.thumbnails[index] = data
            self._room -= len(data)

    def details(self, evaluation: Evaluation, dataset: Dataset) -> PageGallery:
        """What the page shows: the pictures chosen are read again. To be asked for once."""
        with self._folder:
            return gallery_of(
                evaluation,
                dataset,
                lambda index, sample: read_label(self._file(index)),
                thumbnails=self.thumbnails,
            )

    def _file(self, index: int) -> Path:
        return Path(self._folder.name) / f"{index}.png"


def gallery_of(
    evaluation: Evaluation,
    dataset: Dataset,
    predict: Callable[[int, Sample], np.ndarray],
    *,
    thumbnails: dict[int, bytes] | None = None,
) -> PageGallery:
    """What a page shows of an evaluated data set; `predict(index, sample)` gives a label map, uint8 (H, W).

    Only the pictures with layers are read and predicted. Where `thumbnails` (by index) are not given they are the only
    ones with thumbnails.
    """
    chosen = chosen_pictures(picture_miou(evaluation.counts))
    groups = {index: group for group, indices in chosen.items() for index in indices}
    examples, made = [], {}
    for index, sample in read_ahead(dataset, list(groups)):
        parts = sample.image, sample.label, predict(index, sample), dataset.palette
        examples.append(Example(index, groups[index], layers(*parts)))
        if thumbnails is None:
            made[index] = thumbnail(*parts)
    rows = picture_rows(evaluation, made if thumbnails is None else thumbnails)
    missing, why = sum(row.thumbnail is None for row in rows), "to keep the page small"
    if thumbnails is None:
        why = "since only the examples were predicted again: segkit evaluate --html shows all"
    note = f"{missing:,} of {len(rows):,} pictures have no thumbnail, {why}." if missing else ""
    return PageGallery(rows, tuple(examples), note)


def chosen_pictures(scores: np.ndarray) -> dict[str, list[int]]:
    """The indices of the best pictures (best first), of the median ones and of the worst (worst first).

    EACH of them, or fewer where there are fewer, so that none is chosen twice; pictures without a score (NaN) are not
    chosen.
    """
    order = [index for index in np.argsort(-scores, kind="stable").tolist() if not np.isnan(scores[index])]
    best, worst, median = (min(EACH, (len(order) + more) // 3) for more in (2, 1, 0))
    first = max(best, min((len(order) - median) // 2, len(order) - worst - median))
    return {
        "best": order[:best],
        "median": order[first : first + median],
        "worst": order[::-1][:worst],
    }


def picture_rows(evaluation: Evaluation, thumbnails: dict[int, bytes]) -> tuple[PictureRow, ...]:
    """What is told of each picture, from its counts alone."""
    rows = []
    for index, (picture, score, (right, labelled, predicted)) in enumerate(
        zip(evaluation.pictures, picture_miou(evaluation.counts).tolist(), evaluation.counts, strict=True)
    ):
        pixels = int(labelled.sum())
        rows.append(
            PictureRow(
                name=picture.name,
                miou=score if pixels else None,
                right=int(right.sum()) / pixels if pixels else None,
                pixels=pixels,
                labelled=tuple(np.flatnonzero(labelled).tolist()),
                only_predicted=tuple(np.flatnonzero((labelled == 0) & (predicted > 0)).tolist()),
                thumbnail=thumbnails.get(index),
            )
        )
    return tuple(rows)
