"""Tests of a module in which something is wrong, in a forked process that leaves this one and the files alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """\
def ceiling(a, b):
    while a < 0:
        a += b
    return (a + b - 1) // b
"""
TESTS = """\
from small.whole import ceiling

def test_ceiling():
    assert ceiling(7, 3) == 3 and ceiling(-1, 3) == 1
"""
PROGRAM = """\
import ast, json, sys
from pathlib import Path
from tools.mutations.faults import find_faults
from tools.mutations.trial import run_tests

root = Path(sys.argv[1])
path = root / "small/whole.py"
code = path.read_text()

def trial(number):
    tree = ast.parse(code)
    if number is not None:
        find_faults(tree)[number].make()
    return run_tests("small.whole", path, tree, [root / "test_whole.py"], limit=5, root=root).passed

words = [fault.words for fault in find_faults(ast.parse(code))]
print(json.dumps({"none": trial(None), **{text: trial(number) for number, text in enumerate(words)}}))
assert "small" not in sys.modules
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A package of one module, and its tests."""
    (tmp_path / "small").mkdir()
    (tmp_path / "small/__init__.py").write_text("")
    (tmp_path / "small/whole.py").write_text(CODE)
    (tmp_path / "test_whole.py").write_text(TESTS)
    return tmp_path


@pytest.mark.slow  # faults that never end are waited for
def test_faults_are_noticed_or_not_and_none_goes_on_for_ever(small: Path) -> None:
    before = {path: path.read_bytes() for path in small.rglob("*") if path.is_file()}
    command = [sys.executable, "-B", "-c", PROGRAM, str(small)]  # -B: without its files of bytecode
    ended = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert ended.pop("none") is True
    assert ended["a < 0 -> a <= 0"] is True  # the same for all but 0, which is not among the tests
    assert ended["a + b - 1 -> a + b + 1"] is False
    assert ended["a += b -> a -= b"] is None
    assert set(ended.values()) == {True, False, None}
    assert {path: path.read_bytes() for path in small.rglob("*") if path.is_file()} == before
