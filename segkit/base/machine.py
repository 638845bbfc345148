"""What measured: the lines that a figure is worth nothing without."""

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import torch

from segkit.base.cores import available_cores
from segkit.version import VERSION


def describe_machine() -> dict[str, str | int]:
    """Processor, cores, threads and versions, and the commit where segkit runs from a checkout, as plain data."""
    described: dict[str, str | int] = {
        "processor": _processor(),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "segkit": VERSION,
    }
    commit = _commit(Path(__file__).parents[2])
    if commit:
        described["commit"] = commit
    if torch.cuda.is_available():
        described["gpu"] = torch.cuda.get_device_name()
    return described


def use_available_cores() -> None:
    """Have torch start no more threads than that, unless OMP_NUM_THREADS says how many.

    Threads that wait for a core spin, and two on one core are many times slower than one.
    """
    if "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > available_cores():
        torch.set_num_threads(available_cores())


def describe_run() -> dict[str, str | int]:
    """The same and the command, as plain data."""
    program, *arguments = sys.argv
    path = Path(program)
    name = path.parent.name if path.name == "__main__.py" else path.stem  # of `python -m segkit`
    return describe_machine() | {"command": shlex.join([name, *arguments])}


def _processor() -> str:
    """Its name; Python knows it only on some systems, Linux writes it down."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit(root: Path) -> str:
    """Of the checkout at root, with -dirty where its files were changed; empty where there is none, or no git."""
    if not (root / ".git").exists():  # as an installed package, perhaps inside the checkout of something else
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
