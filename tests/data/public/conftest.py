"""Small archives of the public sets' true layouts, the server that has them, and the depot that they go to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from segkit.data.public.archive import Depot
from tests.base.server import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """In `tmp_path`, and nobody listens."""
    return Depot(tmp_path, lambda what, done, total: None)
