"""Batches that are a function of (seed, iteration, slot) and of nothing else.

However many workers read, and wherever a resumed run starts, iteration i gets the same bytes.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from segkit.base.errors import DataError, SegkitError
from segkit.data.dataset import Dataset, check_sizes
from segkit.data.transforms import SampleKey

Transform = Callable[[np.ndarray, np.ndarray, SampleKey], tuple[np.ndarray, np.ndarray]]
"""(uint8 (H, W, 3), uint8 (H, W), key) -> the same, of one size for all."""

Batch = tuple[Tensor, Tensor]
"""uint8 pictures (B, 3, H, W), RGB, channels last in memory, and uint8 labels (B, H, W) with IGNORE."""


def training_batches(
    dataset: Dataset,
    transform: Transform,
    *,
    batch_size: int,
    seed: int,
    first_iteration: int,
    iterations: int,
    workers: int,
) -> Iterator[Batch]:
    """The batches of iterations `first_iteration` to `first_iteration + iterations - 1`.

    Sample `iteration * batch_size + slot` is a picture of epoch `sample // len(dataset)`, in the order of that epoch:
    every picture is seen once before any is seen again. `workers` processes read ahead (0: none, this process reads).
    The global random state of torch is neither used nor changed. Raises DataError, as the data set raised it, or if
    the data set is empty or a label has another size than its picture.
    """
    if len(dataset) == 0:
        raise DataError("the training set holds no pictures: check its folder, its list and its split")
    first, end = first_iteration * batch_size, (first_iteration + iterations) * batch_size
    loader = DataLoader(
        _Samples(dataset, transform, batch_size=batch_size, seed=seed),
        batch_size=batch_size,
        sampler=range(first, end),
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=_start_worker,
        pin_memory=torch.cuda.is_available(),
        # Its own: making an iterator draws a number, which would shift the dropout of a resumed run.
        generator=torch.Generator(),
    )
    for batch in loader:
        if isinstance(batch, SegkitError):
            raise batch
        yield batch


class _Samples(TorchDataset[tuple[np.ndarray, np.ndarray] | SegkitError]):
    """The endless row of training samples, by number."""

    def __init__(self, dataset: Dataset, transform: Transform, *, batch_size: int, seed: int) -> None:
        self.dataset = dataset
        self.transform = transform
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = -1
        self.order = np.empty(0, np.int64)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray] | SegkitError:
        epoch, place = divmod(number, len(self.dataset))
        if epoch != self.epoch:
            self.epoch = epoch
            self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))
        try:
            sample = self.dataset[int(self.order[place])]
            check_sizes(sample)
            return self.transform(sample.image, sample.label, (self.seed, *divmod(number, self.batch_size)))
        except SegkitError as error:
            # Handed over, not raised: torch would wrap it in another message with the worker's traceback.
            return error


def _collate(samples: list[tuple[np.ndarray, np.ndarray] | SegkitError]) -> Batch | SegkitError:
    images, labels = [], []
    for sample in samples:
        if isinstance(sample, SegkitError):
            return sample
        images.append(sample[0])
        labels.append(sample[1])
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), torch.from_numpy(np.stack(labels))


def _start_worker(worker: int) -> None:
    # As many processes as cores read already; torch itself sets its own threads to 1 in a worker.
    cv2.setNumThreads(0)
