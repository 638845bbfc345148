"""Networks timed in turns, each in a process of its own."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from segkit.base.errors import WeightsError
from segkit.benchmark import turns
from segkit.benchmark.turns import time_in_turns
from segkit.deploy.foreign import InputTold, told_needed
from segkit.deploy.formats import Opened, Port

PICTURE = np.zeros((33, 49, 3), np.uint8)


@pytest.mark.slow  # a process of its own
def test_each_has_its_turns_in_a_process_of_its_own(weights) -> None:
    told = []
    (source,) = [str(path) for path in weights.values()][:1]
    (speed,) = time_in_turns([source], PICTURE, threads=1, rounds=3, progress=lambda *done: told.append(done))
    assert speed.threads == 1 and speed.size == (33, 49) and told == [(1, 3), (2, 3), (3, 3)]
    assert 0 < speed.seconds < speed.load  # 33x49 pixels against building a network
    # Weights of 0.2 MB and maps of a few kB: less than what the process had before, Python and torch.
    assert speed.memory is None or 0 <= speed.memory < 200e6


def test_ctrl_c_is_for_the_first_process_alone() -> None:
    told = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    before = signal.getsignal(signal.SIGINT)
    with turns._interrupts_ignored():
        begun = subprocess.run([sys.executable, "-S", "-c", told], capture_output=True, text=True, check=True)
    assert begun.stdout == "True\n" and signal.getsignal(signal.SIGINT) is before


def test_of_what_is_told_a_file_has_what_it_needs() -> None:
    told = InputTold((1.0,) * 3, (2.0,) * 3, "nhwc")
    for sizes, dtype, needed in (
        ((1, 3, 4, 5), "float32", InputTold(told.mean, told.std)),
        ((1, None, None, None), "uint8", InputTold(layout="nhwc")),
        ((1, 3, 4, 5), "uint8", None),
    ):
        port = Port(sizes, np.dtype(dtype))
        assert told_needed(Opened(None, port, port, lambda pictures: pictures), told) == needed
    assert told_needed(Opened("{}", port, port, lambda pictures: pictures), told) is None


@pytest.mark.slow  # two processes more
def test_a_runtime_that_ends_its_process_is_one_sentence(monkeypatch, tmp_path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"broken\.safetensors"):  # as it is raised there
        time_in_turns([str(broken)], PICTURE, threads=1)
    monkeypatch.setattr(turns, "_serve", os._exit)
    with pytest.raises(WeightsError, match=r"model\.onnx: its runtime ended without a word"):
        time_in_turns(["model.onnx"], PICTURE, threads=1)
