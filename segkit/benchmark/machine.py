"""What measured: the lines that a figure of speed is worth nothing without."""

import os
import platform
from pathlib import Path

import torch

from segkit.version import VERSION


def describe_machine() -> dict[str, str | int]:
    """Processor, cores, threads and versions of this machine, as plain data."""
    described: dict[str, str | int] = {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "segkit": VERSION,
    }
    if torch.cuda.is_available():
        described["gpu"] = torch.cuda.get_device_name()
    return described


def _processor() -> str:
    """Its name; Python knows it only on some systems, Linux writes it down."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
