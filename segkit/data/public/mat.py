"""One field of one struct in a MATLAB file, as SBD has its label maps.

Own code, and not scipy's reader, which crashed on damaged files and took gigabytes for others: here all is bounded. The
format is level 5 of "MAT-File Format" (The MathWorks), chapter 1.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

MOST_BYTES = 32 * 2**20
"""Of a file, and of what a compressed element becomes. SBD's largest map has 250,000."""

_HEADER = 128
_BYTES, _MATRIX, _COMPRESSED = (1, 2), 14, 15  # the kinds of elements; those of int8 and uint8
_STRUCT, _UINT8 = 2, 9  # the classes of matrices


def read_field(path: Path, variable: str, field: str) -> np.ndarray:
    """The matrix of bytes in `field` of the struct `variable`, uint8 (H, W).

    Raises ValueError, or zlib.error, where it is not there.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES or data[126:128] != b"IM":
        raise ValueError("no level 5 MAT-file of a little-endian machine, or a very large one")
    for kind, content in _elements(memoryview(data)[_HEADER:]):
        if kind == _COMPRESSED:
            inner = zlib.decompressobj()
            content = memoryview(inner.decompress(content, MOST_BYTES))  # what is cut off there ends in a ValueError
            kind, content = next(_elements(content), (0, content))
        if kind == _MATRIX:
            name, of_class, parts = _matrix(content)
            if name == variable and of_class == _STRUCT:
                return _bytes(dict(_fields(parts)).get(field, memoryview(b"")))
    raise ValueError(f"no struct {variable} in it")


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The kind and the content of one element after the other."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        begin = at + 8
        if kind >> 16:  # a small one: its size in the upper half, its content where others have their size
            kind, size, begin = kind & 0xFFFF, kind >> 16, at + 4
        if begin + size > len(data):
            raise ValueError("an element is cut short")
        yield kind, data[begin : begin + size]
        at = begin + size
        if kind != _COMPRESSED:
            at += -at % 8


def _matrix(content: memoryview) -> tuple[str, int, Iterator[tuple[int, memoryview]]]:
    """The name and the class of a matrix, and the elements that come after the name; the dimensions are the first."""
    parts = _elements(content)
    flags, dimensions, name = (next(parts, (0, memoryview(b""))) for _ in range(3))
    if len(flags[1]) != 8 or name[0] not in _BYTES:
        raise ValueError("a matrix without its head")

    def rest() -> Iterator[tuple[int, memoryview]]:
        yield dimensions
        yield from parts

    return bytes(name[1]).decode("latin1"), flags[1][0], rest()


def _fields(parts: Iterator[tuple[int, memoryview]]) -> Iterator[tuple[str, memoryview]]:
    """The name and the matrix of each field of a struct of one element."""
    _, length, names, *values = parts
    size = int.from_bytes(length[1], "little")
    if size < 1 or len(names[1]) != size * len(values):
        raise ValueError("a struct of several elements, or one whose fields are not named")
    for number, (_, value) in enumerate(values):
        yield bytes(names[1][number * size : (number + 1) * size]).split(b"\0")[0].decode("latin1"), value


def _bytes(content: memoryview) -> np.ndarray:
    _, of_class, parts = _matrix(content)
    dimensions, data = (next(parts, (0, memoryview(b""))) for _ in range(2))
    sides = np.frombuffer(dimensions[1], "<i4").tolist()
    if of_class != _UINT8 or data[0] not in _BYTES or len(sides) != 2 or min(sides) < 0:
        raise ValueError("no matrix of bytes")
    return np.frombuffer(data[1], np.uint8).reshape(sides, order="F").copy()
