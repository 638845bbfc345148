"""What torchrun tells in the environment."""

import pytest

from segkit.base import torchrun
from segkit.base.errors import ConfigError


def test_what_is_no_number_or_half_told(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RANK", "1")  # alone is the first, whatever else is in the environment
    assert (torchrun.rank(), torchrun.size(), torchrun.local_rank()) == (0, 1, 0)
    monkeypatch.setenv("WORLD_SIZE", "")
    assert torchrun.size() == 1
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(ConfigError, match="WORLD_SIZE=two, in the environment, is no number"):
        torchrun.rank()
