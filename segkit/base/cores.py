"""How many cores there are to work with."""

import os
from pathlib import Path


def available_cores() -> int:
    """How many cores this process may use: a container's share of them counts, not all that the host has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(cores, int(int(allowed) / int(period) + 0.5)))
    except (OSError, ValueError):  # another system, or "max": no share
        return cores
