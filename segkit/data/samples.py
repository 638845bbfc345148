"""Which picture a training sample is, and how it is cut: a function of the seed and the sample's number alone."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from segkit.base.errors import DataError, SegkitError
from segkit.data.dataset import Dataset, Sample, check_sizes
from segkit.data.oversampling import Oversampling
from segkit.data.transforms import Transform


class BadPicture(NamedTuple):
    """A picture that cannot be read, or not its label: its name, and what is wrong with it in a sentence."""

    name: str
    problem: str


class Sampled(NamedTuple):
    """What a worker gives for a sample: the transformed pair, and what was left out on the way to it."""

    image: np.ndarray
    label: np.ndarray
    bad: tuple[BadPicture, ...]


Collated = tuple[Tensor, Tensor, list[BadPicture]]
"""A batch, and the pictures that were left out on the way to it."""


class Samples(TorchDataset[Sampled | SegkitError]):
    """The endless row of training samples, by number; where it is `lenient` without the pictures that are bad."""

    def __init__(
        self,
        dataset: Dataset,
        transform: Transform,
        *,
        batch_size: int,
        seed: int,
        oversampling: Oversampling | None,
        lenient: bool,
    ) -> None:
        self.dataset = dataset
        self.transform = transform
        self.batch_size = batch_size
        self.seed = seed
        self.lenient = lenient
        self.oversampling = oversampling
        self.epoch = -1
        self.order = np.empty(0, np.int64)

    def __getitem__(self, number: int) -> Sampled | SegkitError:
        if self.oversampling is None:
            places, transform = self._in_order(number), self.transform
        elif number % 2 == 0:
            places, transform = self._in_order(number // 2), self.transform
        else:
            drawn, transform = self.oversampling.draw(self.seed, number)
            places = chain(drawn, self._in_order(number // 2))  # where none of a rare class can be read
        try:
            sample, bad = self._first_of(places)
            key = (self.seed, *divmod(number, self.batch_size))
            return Sampled(*transform(sample.image, sample.label, key), bad)
        except SegkitError as error:
            # Handed over, not raised: torch would wrap it in another message with the worker's traceback.
            return error

    def _in_order(self, number: int) -> Iterator[int]:
        """The picture at a place of its epoch's order, and those that come in its stead."""
        epoch, place = divmod(number, len(self.dataset))
        if epoch != self.epoch:
            self.epoch = epoch
            self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))
        return (int(self.order[(place + ahead) % len(self.order)]) for ahead in range(len(self.order)))

    def _first_of(self, places: Iterator[int]) -> tuple[Sample, tuple[BadPicture, ...]]:
        """The first picture that can be read, and those before it that cannot."""
        bad: list[BadPicture] = []
        for index in places:
            try:
                sample = self.dataset[index]
                check_sizes(sample)
                return sample, tuple(bad)
            except DataError as error:
                if not self.lenient:
                    raise
                bad.append(BadPicture(self.dataset.ids[index], str(error)))
        raise DataError(f"none of the {len(self.dataset)} pictures to train on can be read: {bad[0].problem}")


def collate(samples: list[Sampled | SegkitError]) -> Collated | SegkitError:
    """A batch of samples, or the first error among them."""
    images, labels = [], []
    bad: list[BadPicture] = []
    for sample in samples:
        if isinstance(sample, SegkitError):
            return sample
        images.append(sample.image)
        labels.append(sample.label)
        bad += sample.bad
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), torch.from_numpy(np.stack(labels)), bad
