"""The latency of every row of the table, stored as it is measured."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from segkit.base.files import write_atomically
from segkit.base.machine import describe_machine
from segkit.benchmark.cells import Cell
from segkit.benchmark.cost import SIZE
from segkit.benchmark.latency import Latency, measure_latency
from segkit.benchmark.published import ROWS
from segkit.models.folding import prepare_to_predict


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
            model = prepare_to_predict(row.network.build(row.setting.output_stride), device)
            known[cell.name] = measure_latency(model, size=SIZE, scales=row.setting.scales, flip=row.setting.mf)
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
