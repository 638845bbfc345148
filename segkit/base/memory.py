"""How the C library holds memory: kept between steps or pictures instead of given back and asked for again."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for this process; whether it could be told (only on Linux with glibc).

    Every step of a training and every pass of a prediction on the CPU allocates large maps anew. By default each comes
    as fresh pages from the kernel, which zeroes them, and goes back at once, for a good part of the time.
    `tools/compare_peers.py` measures what it costs. The price is memory that stays with the process: a fifth more at
    the peak over pictures of many sizes.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library, such as musl
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
