"""Small archives of the public sets' true layouts, and the server that has them."""

from collections.abc import Iterator

import pytest

from tests.base.server import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running
