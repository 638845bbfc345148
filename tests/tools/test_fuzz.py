"""A small form of the fuzzing: the large one is run by hand (docs/reliability.md)."""

from collections import Counter
from pathlib import Path

import pytest

from segkit.base.errors import DataError
from tools.fuzz import __main__ as fuzz
from tools.fuzz.doors import Door, doors


@pytest.fixture(autouse=True)
def _faults(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "FAULTS", tmp_path / "faults")


@pytest.mark.parametrize("name", [*doors(Path())])
def test_every_door_takes_whole_inputs_and_refuses_damaged_ones(name, tmp_path):
    found = fuzz.in_a_process(name, seed=0, each=8)
    assert set(found) <= {"taken", "refused"} and sum(found.values()) >= 8


@pytest.mark.parametrize(
    ("raised", "how"),
    [
        (DataError("one line"), "refused"),
        (KeyError("x"), "wrong: KeyError"),
        (MemoryError(), "wrong: MemoryError"),
        (None, "taken"),
    ],
)
def test_outcomes(raised, how, tmp_path):
    def enter(path: Path) -> None:
        if raised is not None:
            raise raised

    assert fuzz.outcome(Door(enter, []), tmp_path / "input") == how
    assert fuzz._row("x", Counter({how: 2}), "1").startswith("| x | 2 |")
