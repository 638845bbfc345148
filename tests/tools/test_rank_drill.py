"""A small form of the drill: the large one is run by hand (docs/reliability.md)."""

import pytest

from tools.rank_drill import main


@pytest.mark.slow
def test_two_processes_survive(capsys):
    assert main(["--each", "1", "--seed", "1"]) == 0
    assert capsys.readouterr().out.count("| 1 | 1 | 0 |") == 3
