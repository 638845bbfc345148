"""What the C library holds, in processes of their own: its settings are for good."""

import subprocess
import sys

import pytest

from segkit.base.memory import keep_freed_memory

BEGINNING = """
import numpy as np
from segkit.base import memory

now = memory.monotonic()
memory.monotonic = lambda: now

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 10**6

def after_a_block():
    block = np.ones(50_000_000)  # 400 MB
    full = resident()
    del block
    return full, resident()

memory.keep_freed_memory()
"""

GIVEN_BACK = """
print(*after_a_block())
memory.give_back_memory()
print(resident())
now += 10
memory.give_back_memory()
print(resident())
"""

BOUNDED = """
memory._LARGEST_HEAP = 300_000_000
block = np.ones(50_000_000)
pin = np.ones(500_000)  # above it
print(*after_a_block())
now += 10
memory.give_back_memory()
print(*after_a_block())
memory.keep_freed_memory()
print(*after_a_block())
"""

glibc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told")


def megabytes(program: str) -> list[int]:
    run = subprocess.run([sys.executable, "-c", BEGINNING + program], capture_output=True, text=True, check=True)
    return [int(word) for word in run.stdout.split()]


@glibc
def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    full, kept, not_yet, given_back = megabytes(GIVEN_BACK)
    assert full > 400 and kept > 400 and not_yet > 400 and given_back < 200


@glibc
def test_a_heap_that_has_grown_grows_no_more_until_told_so() -> None:
    full, kept, again_full, not_kept, last_full, kept_again = megabytes(BOUNDED)
    assert min(full, again_full, last_full) > 800
    assert kept > 800 and 400 < not_kept < 600 and kept_again > 800


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
