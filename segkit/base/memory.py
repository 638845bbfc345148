"""How the C library holds memory: kept between steps or pictures instead of given back and asked for again."""

import ctypes
import sys
from collections.abc import Callable
from time import monotonic

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h

_SECONDS = 10.0
"""After so long, memory is given back, which takes a tenth of a second: often enough for the gaps between live blocks
not to add up, and cheap whether a picture takes a moment or minutes."""
_given_back = monotonic()  # for the process, as the memory is


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for this process; whether it could be told (only on Linux with glibc).

    Every step of a training and every pass of a prediction on the CPU allocates large maps anew. By default each comes
    as fresh pages from the kernel, which zeroes them, and goes back at once, for a good part of the time.
    `tools/compare_peers.py` measures what it costs. What is kept grows slowly over pictures of many sizes:
    `give_back_memory` bounds it.
    """
    mallopt = _glibc("mallopt")
    return mallopt is not None and bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))


def give_back_memory() -> None:
    """Give freed memory back to the system if it is time; call it after each picture, whoever asked for it."""
    global _given_back
    if monotonic() - _given_back < _SECONDS:
        return
    _given_back = monotonic()
    malloc_trim = _glibc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):  # another C library, such as musl
        return None
    return function
