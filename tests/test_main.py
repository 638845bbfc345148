"""`python -m segkit` is the command."""

import subprocess
import sys

from segkit.version import VERSION


def test_python_m_segkit_is_the_command():
    done = subprocess.run([sys.executable, "-m", "segkit", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, f"segkit {VERSION}", "")


def test_what_is_called_wrongly_ends_with_2():
    done = subprocess.run([sys.executable, "-m", "segkit", "train", "missing.yaml"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("segkit: missing.yaml: ") and len(done.stderr.splitlines()) == 1
