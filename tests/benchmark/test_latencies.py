"""Latencies are stored as they are measured."""

import json
from pathlib import Path

import pytest
import torch

from segkit.benchmark import latencies
from segkit.benchmark.latencies import measure_latencies
from segkit.benchmark.latency import Latency
from segkit.benchmark.published import ROWS


def test_what_was_broken_off_goes_on(tmp_path: Path, monkeypatch) -> None:
    measured = []

    def measure(model: object, **options: object) -> Latency:
        if len(measured) == 3:
            raise KeyboardInterrupt
        measured.append(options)
        return Latency(len(measured) / 10, 5, 1, "cpu")

    monkeypatch.setattr(latencies, "ROWS", ROWS[2:6])
    monkeypatch.setattr(latencies, "measure_latency", measure)
    monkeypatch.setattr(latencies, "prepare_to_predict", lambda model, device: model)
    stored, told = tmp_path / "out" / "latencies.json", []
    with pytest.raises(KeyboardInterrupt):
        measure_latencies(torch.device("cpu"), stored, tell=lambda cell, latency: told.append(latency.seconds))
    assert told == [0.1, 0.2, 0.3]
    monkeypatch.setattr(latencies, "measure_latency", lambda model, **options: Latency(0.9, 5, 1, "cpu"))
    found = measure_latencies(torch.device("cpu"), stored)
    assert [latency.seconds for latency in found.values()] == [0.1, 0.2, 0.3, 0.9]
    held = json.loads(stored.read_text())
    stored.write_text(json.dumps(held | {"machine": held["machine"] | {"processor": "another"}}))
    assert {latency.seconds for latency in measure_latencies(torch.device("cpu"), stored).values()} == {0.9}
