"""How many cores there are to work with."""

import os
from pathlib import Path

import pytest

from segkit.base.cores import available_cores


@pytest.mark.parametrize(
    ("share", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("9900000 100000", 8),
        ("", 8),
    ],
)
def test_a_container_has_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch, share: str, cores: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: share)
    assert available_cores() == cores
