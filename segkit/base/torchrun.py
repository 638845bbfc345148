"""What torchrun tells each process that it starts, in the environment; without it a process is alone."""

import os


def rank() -> int:
    """Which of the processes this is, from 0."""
    return int(os.environ.get("RANK", 0))


def size() -> int:
    """How many processes there are, on all hosts."""
    return int(os.environ.get("WORLD_SIZE", 1))


def local_rank() -> int:
    """Which of the processes of its host this is, from 0."""
    return int(os.environ.get("LOCAL_RANK", 0))


def local_size() -> int:
    """How many processes its host has."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def restarts() -> int:
    """How often torchrun has started the processes again after one of them had failed."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0))
