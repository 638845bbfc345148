"""Numbers in TensorFlow's messages: types, shapes and the constants of a graph.

The messages are those of tensorflow/core/framework/{types,tensor_shape,tensor}.proto.
"""

import math
import struct
from typing import NamedTuple

import torch
from torch import Tensor

from segkit.weights.tensorflow.wire import Reader, fields, numbers, slices

DTYPES = {
    1: torch.float32,
    2: torch.float64,
    3: torch.int32,
    4: torch.uint8,
    5: torch.int16,
    6: torch.int8,
    9: torch.int64,
    10: torch.bool,
    14: torch.bfloat16,
    19: torch.float16,
}
"""TensorFlow's types of numbers by their codes; strings, complex and quantised numbers are no weights."""

_MOST_DIMENSIONS = 8
_VALUES = {torch.float32: 5, torch.float64: 6, torch.float16: 13, torch.bfloat16: 13}
"""The field in which a constant lists its values one by one; the two short types are listed as whole numbers."""


def read_shape(message: memoryview) -> tuple[int, ...]:
    """The sides of a TensorShapeProto; ValueError for one that is not known, or too many."""
    shape = []
    for number, dimension in slices(message):
        if number == 2:
            shape.append(numbers(dimension).get(1, 0))
    if len(shape) > _MOST_DIMENSIONS or any(side >= 2**31 for side in shape):
        raise ValueError("a tensor has an unknown side or too many of them")
    return tuple(shape)


def as_tensor(data: bytearray, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    """The tensor whose bytes, little endian, are `data`, which it keeps; ValueError where the shape needs others."""
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"a tensor of shape {shape} has {len(data)} bytes")
    return torch.frombuffer(data, dtype=dtype).reshape(shape) if data else torch.empty(shape, dtype=dtype)


class Constant(NamedTuple):
    """A TensorProto that is not unpacked yet."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    message: memoryview

    @property
    def size(self) -> int:
        """The bytes of its values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def tensor(self) -> Tensor:
        """The values: as bytes, or one by one, of which the last stands for all that follow."""
        listed = bytearray()
        for number, value in fields(self.message):
            if number == 4 and isinstance(value, memoryview):
                return as_tensor(bytearray(value), self.dtype, self.shape)
            if number == _VALUES.get(self.dtype):
                listed += self._listed(value)
        one = self.dtype.itemsize
        last = listed[-one:] or bytes(one)
        return as_tensor(listed + last * ((self.size - len(listed)) // one), self.dtype, self.shape)

    def _listed(self, value: int | memoryview) -> bytes:
        """The bytes of values, given alone or packed."""
        if self.dtype.itemsize > 2:
            return bytes(value) if isinstance(value, memoryview) else value.to_bytes(self.dtype.itemsize, "little")
        if isinstance(value, int):
            return struct.pack("<H", value & 0xFFFF)
        packed, made = Reader(value), bytearray()
        while packed:
            made += struct.pack("<H", packed.varint() & 0xFFFF)
        return bytes(made)


def read_constant(message: memoryview) -> Constant | None:
    """The constant in a TensorProto; None where it holds no numbers."""
    dtype = DTYPES.get(numbers(message).get(1, 0))
    shape = next((read_shape(value) for number, value in slices(message) if number == 2), ())
    return None if dtype is None else Constant(dtype, shape, message)
