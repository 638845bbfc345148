"""The processes that compute one thing together; one that is alone runs the same code, without a word to anybody."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from segkit.base import torchrun
from segkit.base.errors import DeviceError, SegkitError, told_by

T = TypeVar("T")

PATIENCE = timedelta(minutes=5)
"""How long the others are waited for in a step: one that has ended is noticed at once, and torchrun then ends all."""


@dataclass(frozen=True)
class Ranks:
    """Process `rank` of `size`. All of them have to call the same methods in the same order.

    What a method raises because another process has ended is a SegkitError.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    @property
    def are_many(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    def share(self, count: int) -> range:
        """Which of `count` things are this process's: every `size`-th from the `rank`-th."""
        return range(self.rank, count, self.size)

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, to the bit the same in each; `tensor` itself is overwritten with it."""
        if self.are_many:
            with _heard():
                dist.all_reduce(tensor)
        return tensor

    def gather(self, item: T) -> list[T]:
        """What each process gives, by rank; anything that can be pickled."""
        items: list[Any] = [item] * self.size
        if self.are_many:
            with _heard():
                dist.all_gather_object(items, item)
        return items

    def told(self, item: T | None) -> list[T]:
        """What the processes give that have something to tell, by rank: as quick as a sum where none has."""
        if not self.total(torch.tensor(int(item is not None))):
            return []
        return [each for each in self.gather(item) if each is not None]

    def from_first(self, function: Callable[[], T]) -> T:
        """What `function` gives in the first process, where alone it is called; a SegkitError is raised in all."""
        with self.together():
            items: list[Any] = [function() if self.is_first else None]
        if self.are_many:
            with _heard():
                dist.broadcast_object_list(items)
        return items[0]

    @contextmanager
    def together(self) -> Iterator[None]:
        """In here every process works for itself; a SegkitError of one is then raised in all."""
        failure = None
        try:
            yield
        except SegkitError as error:
            failure = error
        others = self.told(failure)
        if failure is not None:
            raise failure
        if others:
            raise others[0]

    def copy_first(self, tensors: list[Tensor]) -> None:
        """Overwrite tensors with those of the first process."""
        if self.are_many:
            with _heard():
                for tensor in tensors:
                    dist.broadcast(tensor, 0)

    def first(self, number: float) -> float:
        """That of the first process."""
        held = torch.tensor(number, dtype=torch.float64)
        self.copy_first([held])
        return held.item()

    def in_turn(self, function: Callable[[], T]) -> T:
        """What `function` gives, in the first process of each host, then in the others, which find what it got."""
        if torchrun.local_rank() == 0:
            found = function()
        self.wait()
        if torchrun.local_rank() > 0:
            found = function()
        return found

    def wait(self) -> None:
        """For all to come here, however long that takes."""
        if self.are_many:
            with _heard():
                dist.barrier(dist.new_group(backend="gloo", timeout=timedelta(days=30)))


ALONE = Ranks()


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """The processes that torchrun has started, or a script that has set up `torch.distributed` itself; else alone.

    Each takes a GPU of its own where `device` is "auto" or "cuda" and there are GPUs, else a CPU. Raises DeviceError
    for what cannot be had so.
    """
    if dist.is_available() and dist.is_initialized():
        ranks = Ranks(dist.get_rank(), dist.get_world_size())
        spoken = dist.get_backend_config()  # "cpu:gloo,cuda:nccl"
        if ranks.are_many and "cpu" not in [pair.split(":")[0] for pair in spoken.split(",")]:
            raise DeviceError(
                f"the process group that is set up ({spoken}) sends nothing from a CPU, which is needed beside GPUs: "
                'give init_process_group "cpu:gloo,cuda:nccl", or leave it out and start by torchrun'
            )
        yield ranks
        return
    if torchrun.size() == 1:
        yield ALONE
        return
    # Numbers and words that are on the CPU go from there even where gradients go from GPU to GPU.
    backend = "cpu:gloo,cuda:nccl" if _takes_gpu(device) else "gloo"
    with _heard():
        # torchrun's store may outlive the processes, and then still has the addresses of those that have ended.
        try:
            store, rank, size = next(dist.rendezvous("env://", timeout=PATIENCE))
        except ValueError as error:
            raise DeviceError(
                f"WORLD_SIZE is {torchrun.size()}, but not all is told that goes with it ({error}): start by torchrun, "
                "or unset it"
            ) from None
        own = dist.PrefixStore(f"start {torchrun.restarts()}", store)
        dist.init_process_group(backend, store=own, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def _takes_gpu(device: str) -> bool:
    """Whether this process is to compute on a GPU, which is then torch's current one."""
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        if device == "auto" and torch.backends.mps.is_available():
            raise DeviceError("several processes cannot share an Apple GPU: start one, or set the device to cpu")
        return False
    if device not in ("auto", "cuda"):
        raise DeviceError(f"of several processes each takes a GPU of its own, and not {device}: set the device to cuda")
    if torchrun.local_size() > torch.cuda.device_count():
        raise DeviceError(
            f"this host has {torch.cuda.device_count()} GPUs for {torchrun.local_size()} processes: start as many, or "
            "set the device to cpu"
        )
    torch.cuda.set_device(torchrun.local_rank())
    return True


@contextmanager
def _heard() -> Iterator[None]:
    """In here a RuntimeError is that the others are not heard."""
    try:
        yield
    except RuntimeError as error:
        raise SegkitError(
            f"another process of this run has ended or does not answer ({told_by(error)}): its own message says why"
        ) from None
