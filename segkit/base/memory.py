"""How the C library holds memory: kept between steps or pictures instead of given back and asked for again."""

import ctypes
import sys
from time import monotonic
from typing import Any

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
    return bool(_call("mallopt", _M_MMAP_MAX, 0)) and bool(_call("mallopt", _M_TRIM_THRESHOLD, -1))


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
    _call("malloc_trim", 0)
    heap = _call("mallinfo2", result=_Mallinfo2)
    if heap is not None and heap.arena > _LARGEST_HEAP:
        _call("mallopt", _M_MMAP_THRESHOLD, _BLOCK)
        _call("mallopt", _M_MMAP_MAX, 2**16)


def _call(name: str, *arguments: int, result: type = ctypes.c_int) -> Any:
    """What a function of glibc's returns; None where it is not: on other systems, with musl, in an older glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):
        return None
    function.restype = result
    return function(*arguments)
