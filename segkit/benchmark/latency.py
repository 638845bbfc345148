"""How long a prediction takes on this machine, and that of every row of the table, stored as it is measured."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from segkit.base.files import write_atomically
from segkit.base.machine import describe_machine
from segkit.benchmark.cells import Cell
from segkit.benchmark.cost import SIZE
from segkit.benchmark.published import ROWS
from segkit.evaluation.inference import Segmenter, predict
from segkit.models.folding import prepare_to_predict

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
    size: tuple[int, int] = SIZE,
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


def measure_latencies(
    device: torch.device, stored: Path, *, tell: Callable[[Cell, Latency], None] = lambda cell, latency: None
) -> dict[Cell, Latency]:
    """The latency of every row on `device`, with fresh weights: it does not depend on them. Minutes on a CPU.

    Each is written to the file `stored` as soon as it is known, and read from there where the same machine, versions
    and device measured it. `tell` is called with each.
    """
    about = describe_machine() | {"device": device.type}
    known = _read(stored, about)
    found = {}
    for row in ROWS:
        cell = Cell(row.network, row.setting)
        if cell.name not in known:
            model = prepare_to_predict(row.network.build(row.setting.output_stride)).to(device)
            known[cell.name] = measure_latency(model, scales=row.setting.scales, flip=row.setting.mf)
            latencies = {name: asdict(latency) for name, latency in known.items()}
            write_atomically(stored, json.dumps({"machine": about, "latencies": latencies}, indent=2) + "\n")
        found[cell] = known[cell.name]
        tell(cell, found[cell])
    return found


def _read(stored: Path, about: dict[str, Any]) -> dict[str, Latency]:
    """What is stored and was measured on the same machine; nothing where the file is another's, or broken."""
    try:
        held = json.loads(stored.read_text(encoding="utf-8"))
        if held["machine"] != about:
            return {}
        return {name: Latency(**latency) for name, latency in held["latencies"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
