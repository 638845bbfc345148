"""How long a prediction takes on this machine."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from segkit.evaluation.inference import Segmenter, predict

SECONDS = 10.0
"""Runs are repeated for so long."""
LEAST, MOST = 1, 30
"""Bounds of their number: the dearest row of the table takes minutes a run on a CPU."""


@dataclass(frozen=True)
class Latency:
    """Median seconds of one picture, from how many `runs`, with how many CPU `threads` (None on another device)."""

    seconds: float
    runs: int
    threads: int | None
    device: str


def measure_latency(
    model: Segmenter,
    *,
    size: tuple[int, int] = (513, 513),
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    seconds: float = SECONDS,
) -> Latency:
    """Predict a picture of `size` (height, width) again and again, after a pass to warm up, for `seconds`."""
    device = model.device
    image = torch.randint(0, 256, (1, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    image = image.to(device)
    predict(model, image)
    times: list[float] = []
    while len(times) < LEAST or (sum(times) < seconds and len(times) < MOST):
        _wait_for(device)
        began = time.perf_counter()
        predict(model, image, scales=scales, flip=flip)
        _wait_for(device)
        times.append(time.perf_counter() - began)
    threads = torch.get_num_threads() if device.type == "cpu" else None
    return Latency(statistics.median(times), len(times), threads, device.type)


def _wait_for(device: torch.device) -> None:
    """Work on a GPU is only queued when a call returns."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
