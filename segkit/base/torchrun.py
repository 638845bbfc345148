"""What torchrun tells each process that it starts, in the environment; without it a process is alone."""

import os

from segkit.base.errors import ConfigError


def rank() -> int:
    """Which of the processes this is, from 0."""
    return _number("RANK", 0) if size() > 1 else 0


def size() -> int:
    """How many processes there are, on all hosts."""
    return _number("WORLD_SIZE", 1)


def local_rank() -> int:
    """Which of the processes of its host this is, from 0."""
    return _number("LOCAL_RANK", 0) if size() > 1 else 0


def local_size() -> int:
    """How many processes its host has."""
    return _number("LOCAL_WORLD_SIZE", 1)


def restarts() -> int:
    """How often torchrun has started the processes again after one of them had failed."""
    return _number("TORCHELASTIC_RESTART_COUNT", 0)


def _number(name: str, without: int) -> int:
    text = os.environ.get(name, "").strip()
    if text and not text.isdecimal():
        raise ConfigError(f"{name}={text}, in the environment, is no number: start by torchrun, or unset it")
    return int(text) if text else without
