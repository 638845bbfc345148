"""The `segkit` command as its script calls it, but in this process: another one takes seconds to import torch.

What only a process of its own shows is tested by tests/test_main.py and tests/test_package.py.
"""

import contextlib
import io
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from segkit.cli.main import main


class Done(NamedTuple):
    """What a command left on its streams."""

    stdout: str
    stderr: str


def run(*arguments: object, cwd: Path, status: int = 0) -> Done:
    """Run the command in a folder, on terminals of 300 columns; it has to end with `status` and no traceback."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setenv("COLUMNS", "300")
        patch.setattr(sys, "argv", ["segkit", *map(str, arguments)])
        patch.chdir(cwd)
        with pytest.raises(SystemExit) as ended:
            main()
    done = Done(out.getvalue(), err.getvalue())
    assert (ended.value.code or 0) == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done
