"""The `segkit` command and the programs of tools/ as they are called, but in this process: one more takes seconds.

What only a process of its own shows is tested by tests/test_main.py and tests/test_package.py.
"""

import contextlib
import io
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from segkit.cli.main import main


class Done(NamedTuple):
    """What a program left on its streams."""

    stdout: str
    stderr: str


def call(program: Callable[[], object], *arguments: object, cwd: Path, status: int = 0) -> Done:
    """Call a program in a folder, on terminals of 300 columns; it has to end with `status` and no traceback."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setenv("COLUMNS", "300")
        patch.setattr(sys, "argv", [program.__module__, *map(str, arguments)])
        patch.chdir(cwd)
        try:
            program()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
            if isinstance(code, str):  # as Python itself does
                print(code, file=sys.stderr)
                code = 1
    done = Done(out.getvalue(), err.getvalue())
    assert code == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


run = partial(call, main)
