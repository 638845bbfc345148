"""Whether a PNG file has all the rows that its header declares, which Pillow does not ask: it leaves what lacks at 0.

After the PNG specification, third edition (W3C, 2025), sections 8 (interlacing) and 10 (filtered scanlines in one zlib
stream over all IDAT chunks).
"""

import struct
import zlib
from typing import BinaryIO

_SIGNATURE = 8  # bytes

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: the first column and row of each pass, and the steps to the next."""
_AT_ONCE = 2**18


def lacks_rows(file: BinaryIO) -> bool:
    """Whether the pixels in a PNG file are fewer than it declares, as far as it can be read; nothing else is judged."""
    file.seek(_SIGNATURE)
    expected = found = 0
    inflate = zlib.decompressobj()
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        if kind == b"IHDR" and size == 13:
            expected = _filtered_bytes(*struct.unpack(">IIBBxxB", file.read(13)))
        elif kind == b"IDAT":
            left = size
            while left > 0 and (data := file.read(min(left, _AT_ONCE))):
                left -= len(data)
                while data and found < expected:
                    try:
                        found += len(inflate.decompress(data, _AT_ONCE))
                    except zlib.error:
                        return False  # damage, which the decoder tells
                    data = inflate.unconsumed_tail
        elif kind == b"IEND":
            break
        else:
            file.seek(size, 1)
        file.seek(4, 1)  # the checksum
    return found < expected


def _filtered_bytes(width: int, height: int, depth: int, colour: int, interlaced: int) -> int:
    """The bytes of all scanlines, each with the byte that names its filter."""
    bits = depth * _CHANNELS.get(colour, 0)
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for left, top, across, down in _PASSES:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total
