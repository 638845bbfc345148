"""The processes that compute together; what several of them do is in tests/training/test_ranks.py."""

import pytest
import torch.distributed as dist

from segkit.base.errors import DeviceError
from segkit.base.ranks import Ranks, joined


@pytest.fixture
def group(monkeypatch):
    """A function that sets up a process group of one backend, as a script would, which says that it is of two."""

    def group(backend: str) -> None:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
        monkeypatch.setattr(dist, "get_world_size", lambda: 2)

    yield group
    dist.destroy_process_group()


def test_a_group_that_sends_nothing_from_a_cpu_is_refused(group):
    group("cuda:gloo")
    told = r'\(cuda:gloo\) sends nothing from a CPU.* "cpu:gloo,cuda:nccl"'
    with pytest.raises(DeviceError, match=told), joined("cuda"):
        pass


def test_a_group_that_sends_from_a_cpu_is_taken(group):
    group("gloo")
    with joined("cuda") as ranks:
        assert ranks == Ranks(0, 2)
    assert dist.is_initialized()  # whose it is ends it
