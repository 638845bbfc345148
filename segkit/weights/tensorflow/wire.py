"""Protocol buffers as bytes: https://protobuf.dev/programming-guides/encoding."""

import struct
from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""The wire types in use; the groups of the first version are refused."""

_MOST_VARINT_BYTES = 10
_MOST_FIELDS = 2**21


class Reader:
    """Takes numbers and slices from the front of `data`; ValueError where it ends too early."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def take(self, count: int) -> memoryview:
        """The next `count` bytes."""
        if count > len(self.data) - self.at:
            raise ValueError(f"{count} bytes are told where {len(self.data) - self.at} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self) -> int:
        """The next number of variable length, below 2**64."""
        value = 0
        for index in range(_MOST_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF
        raise ValueError("a number has no end")

    def fixed32(self) -> int:
        """The next four bytes as a number, little endian."""
        return int(struct.unpack("<I", self.take(4))[0])


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message in their order: number, and the value - a slice where it has a length, else a number."""
    reader = Reader(message)
    for _ in range(_MOST_FIELDS):
        if not reader:
            return
        number, kind = divmod(reader.varint(), 8)
        if number == 0:
            raise ValueError("a field has the number 0, which there is not")
        if kind == VARINT:
            yield number, reader.varint()
        elif kind == LENGTH:
            yield number, reader.take(reader.varint())
        elif kind == FIXED32:
            yield number, reader.fixed32()
        elif kind == FIXED64:
            yield number, reader.fixed32() | reader.fixed32() << 32
        else:
            raise ValueError(f"field {number} has wire type {kind}, which there is not")
    raise ValueError(f"a message has more than {_MOST_FIELDS} fields")


def numbers(message: memoryview) -> dict[int, int]:
    """The last value of each field that is a number."""
    return {number: value for number, value in fields(message) if isinstance(value, int)}


def slices(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields that have a length, in their order."""
    for number, value in fields(message):
        if isinstance(value, memoryview):
            yield number, value
