"""One training in a folder at a time, whatever became of the one before."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from segkit.base.errors import OutputError
from segkit.training.lock import locked

HOLD = """
import sys
from pathlib import Path
from segkit.training.lock import locked
with locked(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> "subprocess.Popen[str]":
    """Another process that holds the folder until it may read no more."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_another_process_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    other = holder(tmp_path)
    said = rf"process {other.pid} on \S+ is training here since .*another --out"
    with pytest.raises(OutputError, match=said), locked(tmp_path, print):
        pass
    other.communicate("")
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path, pytest.fail):
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_a_dead_owner_holds_nothing(tmp_path: Path) -> None:
    other = holder(tmp_path)
    other.send_signal(signal.SIGKILL)
    other.wait()
    told: list[str] = []
    with locked(tmp_path, told.append):
        pass
    assert len(told) == 1 and f"process {other.pid} on" in told[0] and "has ended without a word" in told[0]
    (tmp_path / "lock").write_bytes(b"\xff{")  # damaged
    with locked(tmp_path, pytest.fail):
        pass


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(OutputError, match=r"lock: cannot be written \(Is a directory\)"), locked(tmp_path, print):
        pass
