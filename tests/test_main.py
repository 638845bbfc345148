"""`python -m segkit` is the command."""

import os
import subprocess
import sys

import pytest

from segkit.version import VERSION
from tests.command import run


def test_python_m_segkit_is_the_command():
    done = subprocess.run([sys.executable, "-m", "segkit", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, f"segkit {VERSION}", "")


def test_what_is_called_wrongly_ends_with_2():
    done = subprocess.run([sys.executable, "-m", "segkit", "train", "missing.yaml"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("segkit: missing.yaml: ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_threads_do_not_spin_while_they_wait(monkeypatch, tmp_path, given):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    run("recipes", cwd=tmp_path)
    assert os.environ["OMP_WAIT_POLICY"] == (given or "PASSIVE")
