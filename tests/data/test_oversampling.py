"""Samples of rare classes: which pictures hold them, how often they come, and that they are in the cut."""

import hashlib

import numpy as np
import pytest

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE, voc_palette
from segkit.data.dataset import Sample
from segkit.data.loader import training_batches
from segkit.data.oversampling import Oversampling, pictures_by_class
from segkit.data.transforms import TrainingTransform

SIDE = 60


class Rare:
    """Twenty pictures of class 0, three of which have nine pixels of class 1; class 2 is nowhere, 17 cannot be read."""

    classes = ("common", "rare", "never")
    palette = voc_palette(3)
    holding = (4, 9, 13)

    def __init__(self, broken: bool = False) -> None:
        self.ids = [str(index) for index in range(20)]
        self.broken = broken

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        if self.broken and index == 17:
            raise DataError("17 is cut short")
        label = np.zeros((SIDE, SIDE), np.uint8)
        label[:5] = IGNORE
        if index in self.holding:
            label[50:53, index : index + 3] = 1
        return Sample(np.full((SIDE, SIDE, 3), index, np.uint8), label, self.ids[index])


def cut(wanted: int | None = None) -> TrainingTransform:
    return TrainingTransform(crop=33, mean=(0, 0, 0), scales=(1, 1), wanted=wanted)


def drawn(first: int = 0, count: int = 40, workers: int = 0, dataset: Rare | None = None, **options):
    dataset = dataset or Rare()
    return list(
        training_batches(
            dataset,
            cut(),
            batch_size=4,
            seed=3,
            first_iteration=first,
            iterations=count,
            workers=workers,
            oversampling=Oversampling(pictures_by_class(dataset, skip=True), [cut(number) for number in range(3)]),
            **options,
        )
    )


def test_the_pictures_of_each_class() -> None:
    assert [places.tolist() for places in pictures_by_class(Rare())] == [list(range(20)), [4, 9, 13], []]
    with pytest.raises(DataError, match="17 is cut short"):
        pictures_by_class(Rare(broken=True))
    assert 17 not in pictures_by_class(Rare(broken=True), skip=True)[0]


def test_every_second_sample_is_of_a_class_drawn_evenly_and_has_it() -> None:
    images = np.concatenate([images[:, 0].numpy() for images, _ in drawn()])
    labels = np.concatenate([labels.numpy() for _, labels in drawn()])
    has = (labels == 1).any((1, 2))
    # The others are the data set in its order: each picture once in 20.
    ordinary = images[::2, 0, 0]
    assert sorted(ordinary[:20]) == sorted(ordinary[20:40]) == list(range(20))
    # Of the 80 drawn by class half are of class 1, and then it is in the cut: as large as it is, or what is left of it.
    assert 0.35 * 80 < has[1::2].sum() < 0.65 * 80
    assert has[1::2].sum() > 3 * has[::2].sum()
    assert set(images[1::2][has[1::2]][:, 0, 0]) == {4, 9, 13}


def test_where_a_class_is_wanted_it_is_in_every_cut() -> None:
    sample = Rare()[9]
    seen = [cut(1)(sample.image, sample.label, (0, 0, slot))[1] for slot in range(60)]
    assert all((label == 1).any() for label in seen)
    assert len({label.tobytes() for label in seen}) > 20
    plain = [cut()(sample.image, sample.label, (0, 0, slot))[1] for slot in range(60)]
    assert 0 < sum((label == 1).any() for label in plain) < 50


def test_workers_and_resume_change_no_byte() -> None:
    def digests(batches):
        return [
            hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
            for images, labels in batches
        ]

    expected = digests(drawn(count=6))
    assert len(set(expected)) == 6
    assert digests(drawn(count=6, workers=2)) == expected
    assert digests(drawn(first=4, count=2)) == expected[4:]


def test_pictures_that_cannot_be_read_are_left_out() -> None:
    bad = []
    assert len(drawn(count=20, dataset=Rare(broken=True), leave_out=bad.append)) == 20
    assert {picture.name for picture in bad} == {"17"}


def test_where_no_picture_of_a_class_can_be_read_the_next_of_the_order_are_taken() -> None:
    class Gone(Rare):
        def __getitem__(self, index: int) -> Sample:
            if index in self.holding:
                raise DataError(f"{index} is gone")
            return super().__getitem__(index)

    bad = []
    found = training_batches(
        Gone(),
        cut(),
        batch_size=4,
        seed=3,
        first_iteration=0,
        iterations=20,
        workers=0,
        oversampling=Oversampling(pictures_by_class(Rare()), [cut(number) for number in range(3)]),
        leave_out=bad.append,
    )
    assert len(list(found)) == 20
    assert {picture.name for picture in bad} == {"4", "9", "13"}
