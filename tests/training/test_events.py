"""Where the time goes, by a clock that the test moves."""

import pytest

from segkit.training import events
from segkit.training.events import Clock
from segkit.training.state import Counters


@pytest.fixture
def wait(monkeypatch):
    """A function that lets seconds pass."""
    now = [100.0]
    monkeypatch.setattr(events.time, "perf_counter", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_means_since_the_last_step(wait):
    def batches():
        for number in range(4):
            wait(1)
            yield number, number

    clock = Clock(batch_size=8)
    seen = []
    for iteration, (number, _) in enumerate(clock.watch(batches()), start=1):
        seen.append(number)
        wait(3 if iteration <= 2 else 1)
        if iteration == 2:
            step = clock.step(Counters(iteration, skipped=1), 4, loss=0.5, lr=0.1)
            assert (step.pictures_per_second, step.seconds_left, step.waiting) == pytest.approx((2, 8, 0.25))
            assert (step.iteration, step.iterations, step.loss, step.lr, step.skipped) == (2, 4, 0.5, 0.1, 1)
            wait(60)  # an evaluation
            clock.restart()
        if iteration == 4:
            step = clock.step(Counters(iteration, skipped=1), 4, loss=0.4, lr=0.1)
            assert (step.pictures_per_second, step.seconds_left, step.waiting) == pytest.approx((4, 0, 0.5))
    assert seen == [0, 1, 2, 3]
