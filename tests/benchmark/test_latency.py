"""Latency, by a clock that the model turns, and latencies stored as they are measured."""

import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from segkit.benchmark import latency
from segkit.benchmark.latency import Latency, measure_latencies, measure_latency
from segkit.benchmark.published import ROWS


class Slow:
    """A segmenter whose passes take a second each of a false clock (or `takes`, in turn), the first one ten."""

    classes = ("a", "b")
    palette = ((0, 0, 0), (1, 1, 1))
    canvas = None
    output_stride = 16
    side_step, fixed_size = 16, None
    mean = torch.zeros(1, 3, 1, 1)
    device = mean.device
    now = 0.0

    def __init__(self, takes: Sequence[float] = (1.0,)) -> None:
        self.takes = itertools.cycle(takes)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        Slow.now += next(self.takes) if Slow.now else 10.0
        return images[:, :2]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    Slow.now = 0.0
    monkeypatch.setattr(latency.time, "perf_counter", lambda: Slow.now)
    return Slow()


def test_the_warm_up_does_not_count(slow: Slow) -> None:
    found = measure_latency(slow, size=(33, 33), seconds=3)
    assert (found.seconds, found.runs) == (1.0, 3)
    assert found.threads == torch.get_num_threads()


def test_all_passes_count_and_one_run_is_enough(slow: Slow) -> None:
    found = measure_latency(slow, size=(33, 33), scales=(0.5, 1.0), flip=True, seconds=3)
    assert (found.seconds, found.runs) == (4.0, 1)


def test_the_median_is_neither_the_fastest_run_nor_the_mean(slow: Slow) -> None:
    slow.takes = itertools.cycle([1.0, 9.0, 2.0, 4.0, 3.0])
    assert measure_latency(slow, size=(33, 33), seconds=19).seconds == 3.0
    slow.takes = itertools.cycle([1.0, 9.0, 2.0, 4.0])
    assert measure_latency(slow, size=(33, 33), seconds=16).seconds == 3.0


def test_a_real_clock() -> None:
    Slow.now = 1.0
    began = time.perf_counter()
    found = measure_latency(Slow(), size=(33, 33), seconds=0.05)
    assert 0 < found.seconds < time.perf_counter() - began


def test_what_was_broken_off_goes_on(tmp_path: Path, monkeypatch) -> None:
    measured = []

    def measure(model: object, **options: object) -> Latency:
        if len(measured) == 3:
            raise KeyboardInterrupt
        measured.append(options)
        return Latency(len(measured) / 10, 5, 1, "cpu")

    monkeypatch.setattr(latency, "ROWS", ROWS[2:6])
    monkeypatch.setattr(latency, "measure_latency", measure)
    monkeypatch.setattr(latency, "prepare_to_predict", lambda model: model)
    stored, told = tmp_path / "out" / "latencies.json", []
    with pytest.raises(KeyboardInterrupt):
        measure_latencies(torch.device("cpu"), stored, tell=lambda cell, found: told.append(found.seconds))
    assert told == [0.1, 0.2, 0.3]
    monkeypatch.setattr(latency, "measure_latency", lambda model, **options: Latency(0.9, 5, 1, "cpu"))
    found = measure_latencies(torch.device("cpu"), stored)
    assert [each.seconds for each in found.values()] == [0.1, 0.2, 0.3, 0.9]
    held = json.loads(stored.read_text())
    stored.write_text(json.dumps(held | {"machine": held["machine"] | {"processor": "another"}}))
    assert {each.seconds for each in measure_latencies(torch.device("cpu"), stored).values()} == {0.9}
