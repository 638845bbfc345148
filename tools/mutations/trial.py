"""Runs the tests of a module with a fault in it, in a forked copy of this process: nothing is written to a file."""

import ast
import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

MEMORY = 8 << 30
"""Bytes of address space that a trial may take: a fault may ask for any."""
PASSED, FAILED = 0, 1


class Trial(NamedTuple):
    """Whether the tests passed (None: they did not end in their time), and the seconds of processor time."""

    passed: bool | None
    seconds: float


class _Source(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module from a syntax tree."""

    def __init__(self, module: str, path: Path, tree: ast.Module) -> None:
        self.module, self.path, self.tree = module, path, tree

    def find_spec(self, fullname, path, target=None):  # type: ignore[no-untyped-def]
        if fullname == self.module:
            return importlib.util.spec_from_file_location(fullname, self.path, loader=self)
        return None

    def exec_module(self, module):  # type: ignore[no-untyped-def]
        exec(compile(self.tree, self.path, "exec"), module.__dict__)


def run_tests(module: str, path: Path, tree: ast.Module, tests: Sequence[Path], *, limit: int, root: Path) -> Trial:
    """Whether `tests` pass where `module`, whose file is `path`, has the code of `tree`.

    They may take `limit` seconds of processor time, and ten times as many by the clock. The package must not have been
    imported in this process; what it imports should have been, so that no trial waits for it.
    """
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            code = FAILED
            try:
                code = _child(_Source(module, path, tree), tests, limit, root, folder)
            finally:
                os._exit(code)
        status, usage = _wait(child, 10 * limit)
    seconds = usage.ru_utime + usage.ru_stime
    code = os.waitstatus_to_exitcode(status)
    return Trial(None if code in (-signal.SIGXCPU, -signal.SIGKILL) else code == PASSED, seconds)


def _child(source: _Source, tests: Sequence[Path], limit: int, root: Path, folder: str) -> int:
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # no test needs one
    os.chdir(root)
    sys.path.insert(0, str(root))
    sys.meta_path.insert(0, source)
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "--basetemp", f"{folder}/tests"]
    return int(pytest.main([*options, *map(str, tests)]))


def _wait(child: int, limit: float) -> tuple[int, resource.struct_rusage]:
    """The exit status of a child, which is killed with all that it started once its time is over."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            return status, usage
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    return os.wait4(child, 0)[1:]
