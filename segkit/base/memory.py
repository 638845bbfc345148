"""How the C library holds memory: kept between steps or pictures instead of given back and asked for again."""

import ctypes
import sys
from collections.abc import Callable
from time import monotonic

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # malloc.h
_BLOCK = 2**25  # bytes; glibc takes no larger threshold

_SECONDS = 10.0
"""After so long, memory is given back, which takes a tenth of a second: cheap whether a picture takes a moment or
minutes."""
_LARGEST_HEAP = 900_000_000  # bytes
_given_back = monotonic()  # for the process, as the memory is


class _Mallinfo2(ctypes.Structure):
    """malloc.h's struct mallinfo2; `arena` is the size of the heap, what is freed included."""

    _fields_ = [("arena", ctypes.c_size_t), ("others", ctypes.c_size_t * 9)]


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for this process; whether it could be told (only on Linux with glibc).

    Every step of a training and every pass of a prediction on the CPU allocates large maps anew. By default each comes
    as fresh pages from the kernel, which zeroes them, and goes back at once, for a good part of the time.
    `tools/compare_peers.py` measures what it costs. What is kept grows slowly over hundreds of pictures:
    `give_back_memory` bounds it.
    """
    mallopt = _glibc("mallopt")
    return mallopt is not None and bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))


def give_back_memory() -> None:
    """Give freed memory back to the system if it is time; call it after each picture, whoever asked for it.

    The gaps between live blocks add up all the same, and the largest maps come to lie ever further up. Where the heap
    has grown past _LARGEST_HEAP, a large block that fits into no gap does not make it grow any more, but comes as fresh
    pages, until `keep_freed_memory` is called again.
    """
    global _given_back
    if monotonic() - _given_back < _SECONDS:
        return
    _given_back = monotonic()
    malloc_trim = _glibc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)
    if _heap() > _LARGEST_HEAP:
        mallopt = _glibc("mallopt")
        assert mallopt is not None
        mallopt(_M_MMAP_THRESHOLD, _BLOCK)
        mallopt(_M_MMAP_MAX, 2**16)


def _heap() -> int:
    """Bytes of the heap; 0 where the C library does not tell (glibc before 2.33, and all others)."""
    mallinfo2 = _glibc("mallinfo2")
    if mallinfo2 is None:
        return 0
    mallinfo2.restype = _Mallinfo2  # type: ignore[attr-defined]
    return int(mallinfo2().arena)  # type: ignore[attr-defined]


def _glibc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):  # another C library, such as musl
        return None
    return function
