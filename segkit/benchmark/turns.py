"""How quick networks are beside each other: each in a process of its own, which take turns at the same picture."""

import multiprocessing
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segkit.base.errors import SegkitError, WeightsError
from segkit.deploy.foreign import InputTold, told_needed
from segkit.deploy.formats import split_runtime
from segkit.deploy.open import load_segmenter, open_exported
from segkit.deploy.segmenter import segmenter_of
from segkit.evaluation.inference import Segmenter, predict_labels

ROUNDS = 15
_PAUSE = 0.02
"""Seconds before a turn, in which the threads of the one before stop waiting busily for more."""


@dataclass(frozen=True)
class Speed:
    """Of a process with so many CPU `threads`: seconds to load a file, median seconds of the labels of a picture, and
    the bytes of memory that it took at most for both, beyond what Python and torch take (None where that is not told).
    `size` is (height, width) of the picture, of which a file of one smaller size has a part.
    """

    threads: int
    load: float
    seconds: float
    memory: int | None
    size: tuple[int, int]


def time_in_turns(
    sources: Sequence[str],
    picture: np.ndarray,
    *,
    threads: int,
    told: InputTold | None = None,
    rounds: int = ROUNDS,
    progress: Callable[[int, int], None] | None = None,
) -> list[Speed]:
    """Time what `load_segmenter` takes, `sources`, on one picture, uint8 (H, W, 3), after a pass to warm up.

    All are loaded first, one after the other; then each has its turn, `rounds` times: a machine that slows down slows
    all. A file of one size that is smaller has the part of the picture that fits. `told` is of the input of other
    makers' files. Raises what loading and predicting raise, WeightsError where a runtime ends its process.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(source, picture, threads, told)) for source in sources]
        times: list[list[float]] = [[] for _ in workers]
        for turn in range(rounds):
            for number, worker in enumerate(workers):
                time.sleep(_PAUSE)
                times[number].append(worker.turn())
                if progress is not None:
                    progress(turn * len(workers) + number + 1, rounds * len(workers))
    return [
        Speed(threads, worker.load, statistics.median(seconds), worker.memory, worker.size)
        for worker, seconds in zip(workers, times, strict=True)
    ]


class _Worker:
    """The process that runs one source, for as long as the context lasts: it is ready when that begins."""

    def __init__(self, source: str, picture: np.ndarray, threads: int, told: InputTold | None) -> None:
        self.source, self._picture = source, picture
        self._pipe, self._its_end = multiprocessing.Pipe()
        work = (self._its_end, source, threads, told)  # little: to start waits until all of it is taken
        self._process = multiprocessing.get_context("spawn").Process(target=_serve, args=work, daemon=True)

    def __enter__(self) -> "_Worker":
        with _interrupts_ignored():
            self._process.start()
        self._its_end.close()
        try:
            self.load, self.memory, self.size = self._asked(self._picture)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._pipe.close()
        self._process.kill()  # it has nothing to finish
        self._process.join()

    def turn(self) -> float:
        """The seconds of one picture."""
        return float(self._asked())

    def _asked(self, picture: np.ndarray | None = None) -> Any:
        try:
            self._pipe.send(picture)
            found = self._pipe.recv()
        except (EOFError, OSError):
            raise WeightsError(f"{self.source}: its runtime ended without a word: leave it out") from None
        if isinstance(found, SegkitError):
            raise found
        return found


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process begun meanwhile goes on ignoring Ctrl-C, which the terminal sends to all: the first one ends it."""
    if threading.current_thread() is not threading.main_thread():  # no other may set how signals are handled
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(pipe: Connection, source: str, threads: int, told: InputTold | None) -> None:
    torch.set_num_threads(threads)
    try:
        picture = pipe.recv()
        before, began = _most_memory(), time.perf_counter()
        model = open_row(source, told=told)
        load = time.perf_counter() - began
        rows, columns = model.fixed_size or picture.shape[:2]
        image = torch.from_numpy(picture[:rows, :columns]).permute(2, 0, 1)[None]
        predict_labels(model, image)
        after = _most_memory()
        size = (int(image.shape[2]), int(image.shape[3]))
        pipe.send((load, None if before is None or after is None else after - before, size))
        while True:
            pipe.recv()
            began = time.perf_counter()
            predict_labels(model, image)
            pipe.send(time.perf_counter() - began)
    except SegkitError as error:
        pipe.send(error)
    except (EOFError, OSError):  # the other end is done
        return


def open_row(
    source: str, *, told: InputTold | None, classes: Sequence[str] | None = None, canvas: int | None = None
) -> Segmenter:
    """`load_segmenter`, but of `told`, which several are given together, the part is taken that the file needs."""
    runtime, file = split_runtime(source)
    if runtime is None:
        return load_segmenter(source, classes=classes, canvas=canvas)
    opened = open_exported(source)
    return segmenter_of(file, opened, told=told_needed(opened, told), classes=classes)


def _most_memory() -> int | None:
    """The most bytes of memory that this process has had, where the system tells: Linux does."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    # Not getrusage, which counts what the process was made from.
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else None
