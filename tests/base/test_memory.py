"""What the C library holds, in a process of its own: its settings are for good."""

import subprocess
import sys

import pytest

from segkit.base.memory import keep_freed_memory

# Resident megabytes with a block of 400 MB, without it, and after memory is given back.
PROGRAM = """
import numpy as np
from segkit.base import memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 10**6

memory.keep_freed_memory()
block = np.ones(50_000_000)
full = resident()
del block
kept = resident()
memory.give_back_memory()
not_yet = resident()
later = memory.monotonic() + 10
memory.monotonic = lambda: later
memory.give_back_memory()
print(full, kept, not_yet, resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told")
def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    full, kept, not_yet, given_back = map(int, run.stdout.split())
    assert full > 400 and kept > 400 and not_yet > 400 and given_back < 200


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
