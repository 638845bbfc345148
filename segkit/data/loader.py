"""Batches that are a function of (seed, iteration, slot) and of nothing else.

However many workers read, and wherever a resumed run starts, iteration i gets the same bytes.
"""

import atexit
import multiprocessing
import shutil
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from segkit.base import torchrun
from segkit.base.errors import ConfigError, DataError, SegkitError
from segkit.base.files import format_bytes
from segkit.base.ranks import ALONE, Ranks
from segkit.data.dataset import Dataset
from segkit.data.oversampling import Oversampling
from segkit.data.samples import BadPicture, Collated, Sampled, Samples, collate
from segkit.data.transforms import Transform

Batch = tuple[Tensor, Tensor]
"""uint8 pictures (B, 3, H, W), RGB, channels last in memory, and uint8 labels (B, H, W) with IGNORE."""

PATIENCE = 60
"""Seconds that the workers may take for a batch."""
POLL = 5
"""Seconds after which it is looked whether they all live."""
READ_AHEAD = 2
"""Batches of each worker that wait to be taken."""
SHARED_MEMORY = Path("/dev/shm")
"""Where batches pass from one process to another on Linux."""


def training_batches(
    dataset: Dataset,
    transform: Transform,
    *,
    batch_size: int,
    seed: int,
    first_iteration: int,
    iterations: int,
    workers: int,
    oversampling: Oversampling | None = None,
    leave_out: Callable[[BadPicture], None] | None = None,
    ranks: Ranks = ALONE,
) -> Generator[Batch, None, None]:
    """The batches of iterations `first_iteration` to `first_iteration + iterations - 1`.

    Sample `iteration * batch_size + slot` is a picture of epoch `sample // len(dataset)`, in the order of that epoch:
    every picture is seen once before any is seen again. With `oversampling` every second sample is one that it draws,
    and the others are counted alone. `workers` processes read ahead (0: none, this process reads).
    Of several `ranks`, which divide the batch, each is given, and reads, every `ranks.size`-th sample of it.
    The global random state of torch is neither used nor changed. With `leave_out` the sample of a picture that cannot
    be read is the next of the epoch's order that can, and before its batch `leave_out` is told of each such picture.
    Raises DataError, as the data set raised it, or if a label has another size than its picture (with `leave_out`: for
    the first picture, where none can be read), or if the data set is empty; ConfigError where the shared memory is too
    small for so many workers, and SegkitError where one of them ends, or none gives anything for a minute.
    """
    if len(dataset) == 0:
        raise DataError("the training set holds no pictures: check its folder, its list and its split")
    first, end = first_iteration * batch_size, (first_iteration + iterations) * batch_size
    samples = Samples(
        dataset,
        transform,
        batch_size=batch_size,
        seed=seed,
        oversampling=oversampling,
        lenient=leave_out is not None,
    )
    if workers and first < end:
        _check_shared_memory(samples[first + ranks.rank], batch_size // ranks.size, workers)
    loader = DataLoader(
        samples,
        batch_size=batch_size // ranks.size,
        sampler=range(first + ranks.rank, end, ranks.size),
        num_workers=workers,
        prefetch_factor=READ_AHEAD if workers else None,
        collate_fn=collate,
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


def _read(batches: Iterator[Collated | SegkitError], workers: int) -> Iterator[Collated]:
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


def _check_shared_memory(sample: Sampled | SegkitError, batch_size: int, workers: int) -> None:
    """Raise ConfigError where the batches that are read ahead have no room: workers would be killed, or hang."""
    if isinstance(sample, SegkitError) or not SHARED_MEMORY.is_dir():
        return
    batch = torchrun.local_size() * batch_size * (sample.image.nbytes + sample.label.nbytes)
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


def _start_worker(worker: int) -> None:
    # As many processes as cores read already; torch itself sets its own threads to 1 in a worker.
    cv2.setNumThreads(0)
    # What is sent to all processes of a terminal or a job is for the training to decide, which needs its workers until
    # its step is done. A second SIGTERM ends a worker, as the training sends it where one hangs.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: signal.signal(number, signal.SIG_DFL))
