"""Batches that are a function of (seed, iteration, slot) and of nothing else.

However many workers read, and wherever a resumed run starts, iteration i gets the same bytes.
"""

import atexit
import multiprocessing
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from segkit.base.errors import ConfigError, DataError, SegkitError
from segkit.base.files import format_bytes
from segkit.data.dataset import Dataset, Sample, check_sizes
from segkit.data.transforms import SampleKey

Transform = Callable[[np.ndarray, np.ndarray, SampleKey], tuple[np.ndarray, np.ndarray]]
"""(uint8 (H, W, 3), uint8 (H, W), key) -> the same, of one size for all."""


class BadPicture(NamedTuple):
    """A picture that cannot be read, or not its label: its name, and what is wrong with it in a sentence."""

    name: str
    problem: str


class _Sampled(NamedTuple):
    """What a worker gives for a sample: the transformed pair, and what was left out on the way to it."""

    image: np.ndarray
    label: np.ndarray
    bad: tuple[BadPicture, ...]


PATIENCE = 60
"""Seconds that the workers may take for a batch."""
POLL = 5
"""Seconds after which it is looked whether they all live."""
READ_AHEAD = 2
"""Batches of each worker that wait to be taken."""
SHARED_MEMORY = Path("/dev/shm")
"""Where batches pass from one process to another on Linux."""

Batch = tuple[Tensor, Tensor]
"""uint8 pictures (B, 3, H, W), RGB, channels last in memory, and uint8 labels (B, H, W) with IGNORE."""
_Collated = tuple[Tensor, Tensor, list[BadPicture]]


def training_batches(
    dataset: Dataset,
    transform: Transform,
    *,
    batch_size: int,
    seed: int,
    first_iteration: int,
    iterations: int,
    workers: int,
    leave_out: Callable[[BadPicture], None] | None = None,
) -> Iterator[Batch]:
    """The batches of iterations `first_iteration` to `first_iteration + iterations - 1`.

    Sample `iteration * batch_size + slot` is a picture of epoch `sample // len(dataset)`, in the order of that epoch:
    every picture is seen once before any is seen again. `workers` processes read ahead (0: none, this process reads).
    The global random state of torch is neither used nor changed. With `leave_out` the sample of a picture that cannot
    be read is the next of the epoch's order that can, and before its batch `leave_out` is told of each such picture.
    Raises DataError, as the data set raised it, or if a label has another size than its picture (with `leave_out`: for
    the first picture, where none can be read), or if the data set is empty; ConfigError where the shared memory is too
    small for so many workers, and SegkitError where one of them ends, or none gives anything for a minute.
    """
    if len(dataset) == 0:
        raise DataError("the training set holds no pictures: check its folder, its list and its split")
    first, end = first_iteration * batch_size, (first_iteration + iterations) * batch_size
    samples = _Samples(dataset, transform, batch_size=batch_size, seed=seed, lenient=leave_out is not None)
    if workers and first < end:
        _check_shared_memory(samples[first], batch_size, workers)
    loader = DataLoader(
        samples,
        batch_size=batch_size,
        sampler=range(first, end),
        num_workers=workers,
        prefetch_factor=READ_AHEAD if workers else None,
        collate_fn=_collate,
        worker_init_fn=_start_worker,
        timeout=min(POLL, PATIENCE) if workers else 0,
        pin_memory=torch.cuda.is_available(),
        # Its own: making an iterator draws a number, which would shift the dropout of a resumed run.
        generator=torch.Generator(),
    )
    handler = signal.getsignal(signal.SIGCHLD) if hasattr(signal, "SIGCHLD") else None
    before = set(multiprocessing.active_children())
    try:
        batches = iter(loader)
    except RuntimeError as error:
        raise _workers_failed(error, workers) from None
    finally:
        # torch's handler raises that a worker ended wherever the process is, in the middle of a step too.
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, handler)
    with _ended_at_last(set(multiprocessing.active_children()) - before):
        try:
            for images, labels, bad in _read(batches, workers):
                for picture in bad:  # none where they are raised
                    if leave_out is not None:
                        leave_out(picture)
                yield images, labels
        finally:
            del batches  # which lets them end by themselves


def _read(batches: Iterator[_Collated | SegkitError], workers: int) -> Iterator[_Collated]:
    waited = 0
    while True:
        try:
            batch = next(batches, None)
        except (RuntimeError, OSError, EOFError) as error:  # the last two: it ended while it handed a batch over
            waited += POLL
            if workers and "timed out" in str(error) and waited < PATIENCE:
                continue
            raise _workers_failed(error, workers) from None
        waited = 0
        if batch is None:
            return
        if isinstance(batch, SegkitError):
            raise batch
        yield batch


@contextmanager
def _ended_at_last(readers: set[BaseProcess]) -> Iterator[None]:
    """The processes that read do not outlive this, nor keep Python from ending.

    At its end Python sends each one SIGTERM, which they take for the job's, and waits for ever: where something still
    holds them, as the traceback of an error that nobody caught.
    """

    def end() -> None:
        for reader in readers:
            reader.kill()

    atexit.register(end)
    try:
        yield
    finally:
        end()
        atexit.unregister(end)


def _check_shared_memory(sample: _Sampled | SegkitError, batch_size: int, workers: int) -> None:
    """Raise ConfigError where the batches that are read ahead have no room: workers would be killed, or hang."""
    if isinstance(sample, SegkitError) or not SHARED_MEMORY.is_dir():
        return
    batch = batch_size * (sample.image.nbytes + sample.label.nbytes)
    needed, free = batch * (READ_AHEAD * workers + 1), shutil.disk_usage(SHARED_MEMORY).free
    if free < needed:
        raise ConfigError(
            f"{SHARED_MEMORY} has {format_bytes(free)} free, but train.workers={workers} with batches of "
            f"{format_bytes(batch)} need {format_bytes(needed)}: set train.workers=0, or give the container more "
            "(docker run --shm-size=1g)"
        )


def _workers_failed(error: Exception, workers: int) -> SegkitError:
    """What became of the processes that read, and what to do; an error that one of them raised is raised again."""
    if not workers or str(error).startswith("Caught "):
        raise error
    if "timed out" in str(error):
        what = f"gave nothing for {PATIENCE} seconds (a disk that hangs, or no memory left)"
    else:
        what = 'ended (killed, as for lack of memory, or spawned by a script without `if __name__ == "__main__":`)'
    return SegkitError(f"a process that reads pictures {what}: set train.workers=0 to read without any")


class _Samples(TorchDataset[_Sampled | SegkitError]):
    """The endless row of training samples, by number; where it is `lenient` without the pictures that are bad."""

    def __init__(self, dataset: Dataset, transform: Transform, *, batch_size: int, seed: int, lenient: bool) -> None:
        self.dataset = dataset
        self.transform = transform
        self.batch_size = batch_size
        self.seed = seed
        self.lenient = lenient
        self.epoch = -1
        self.order = np.empty(0, np.int64)

    def __getitem__(self, number: int) -> _Sampled | SegkitError:
        epoch, place = divmod(number, len(self.dataset))
        if epoch != self.epoch:
            self.epoch = epoch
            self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))
        try:
            sample, bad = self._from(place)
            key = (self.seed, *divmod(number, self.batch_size))
            return _Sampled(*self.transform(sample.image, sample.label, key), bad)
        except SegkitError as error:
            # Handed over, not raised: torch would wrap it in another message with the worker's traceback.
            return error

    def _from(self, place: int) -> tuple[Sample, tuple[BadPicture, ...]]:
        """The picture at a place of the epoch's order, or the next that can be read, and those that cannot."""
        bad: list[BadPicture] = []
        for ahead in range(len(self.order)):
            index = int(self.order[(place + ahead) % len(self.order)])
            try:
                sample = self.dataset[index]
                check_sizes(sample)
                return sample, tuple(bad)
            except DataError as error:
                if not self.lenient:
                    raise
                bad.append(BadPicture(self.dataset.ids[index], str(error)))
        raise DataError(f"none of the {len(bad)} pictures to train on can be read: {bad[0].problem}")


def _collate(samples: list[_Sampled | SegkitError]) -> _Collated | SegkitError:
    images, labels = [], []
    bad: list[BadPicture] = []
    for sample in samples:
        if isinstance(sample, SegkitError):
            return sample
        images.append(sample.image)
        labels.append(sample.label)
        bad += sample.bad
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), torch.from_numpy(np.stack(labels)), bad


def _start_worker(worker: int) -> None:
    # As many processes as cores read already; torch itself sets its own threads to 1 in a worker.
    cv2.setNumThreads(0)
    # What is sent to all processes of a terminal or a job is for the training to decide, which needs its workers until
    # its step is done. A second SIGTERM ends a worker, as the training sends it where one hangs.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: signal.signal(number, signal.SIG_DFL))
