"""What a training says of itself, and where its time goes."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from segkit.evaluation.result import Evaluation
from segkit.training.state import Counters


@dataclass(frozen=True)
class Step:
    """What a training says of itself every `log_every` iterations; the times are means since the last."""

    iteration: int
    iterations: int
    loss: float
    lr: float
    pictures_per_second: float
    seconds_left: float
    waiting: float  # share of the time spent waiting for data, in 0..1
    skipped: int
    bad_pictures: int = 0


@dataclass(frozen=True)
class Evaluated:
    """An evaluation on the validation split; `best` tells whether it is the best so far."""

    iteration: int
    evaluation: Evaluation
    best: bool


@dataclass(frozen=True)
class Note:
    """Something that the user should know."""

    text: str


Event = Step | Evaluated | Note
Listener = Callable[[Event], None]


class Clock:
    """Where the time goes."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self.restart()

    def restart(self) -> None:
        """Measure from now on."""
        self.began = time.perf_counter()
        self.waited = 0.0
        self.batches = 0

    def watch(self, batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """The same batches, while the time spent waiting for them is measured."""
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - asked
            if batch is None:
                return
            self.batches += 1
            yield batch

    def step(
        self, counters: Counters, iterations: int, loss: float, lr: float, *, seconds_left: float = math.inf
    ) -> Step:
        """What was measured since the last restart, together with the rest of a `Step`; then restart.

        `seconds_left` are there at most.
        """
        seconds = time.perf_counter() - self.began
        each = seconds / max(self.batches, 1)
        step = Step(
            iteration=counters.iteration,
            iterations=iterations,
            loss=loss,
            lr=lr,
            pictures_per_second=self.batch_size / each,
            seconds_left=max(0.0, min(each * (iterations - counters.iteration), seconds_left)),
            waiting=self.waited / seconds,
            skipped=counters.skipped,
            bad_pictures=len(counters.bad_pictures),
        )
        self.restart()
        return step
