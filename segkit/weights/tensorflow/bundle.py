"""Checkpoints of TensorFlow's second format: NAME.index, a table of what is where in NAME.data-00000-of-00001.

The messages are those of tensorflow/core/protobuf/tensor_bundle.proto.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from segkit.weights.tensorflow.choice import INDEX
from segkit.weights.tensorflow.crc32c import masked_crc32c
from segkit.weights.tensorflow.table import read_table
from segkit.weights.tensorflow.tensors import DTYPES, as_tensor, read_shape
from segkit.weights.tensorflow.wire import numbers, slices

_MOST_INDEX_BYTES = 2**26
_MOST_SHARDS = 10_000


class Variable(NamedTuple):
    """Where the values of a variable are, and what they are."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


def data_files(index: Path, shards: int) -> list[Path]:
    """The files with the values that belong to an index."""
    stem = index.name.removesuffix(INDEX)
    return [index.with_name(f"{stem}.data-{number:05}-of-{shards:05}") for number in range(shards)]


def read_bundle(index: Path) -> dict[str, Tensor]:
    """The variables of a checkpoint by name; those that hold no numbers are left out.

    Raises ValueError with the reason for a checkpoint that is broken, cut short, of a big-endian machine or of
    TensorFlow's first format, one whose variables are kept in parts, and where a file of values is missing.
    """
    shards, variables = read_index(index)
    files = data_files(index, shards)
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise ValueError(f"{missing[0]}, which has its values, is not beside it")
    lengths = [file.stat().st_size for file in files]
    if sum(variable.size for variable in variables) > sum(lengths):
        raise ValueError("its variables have more bytes than its data")
    tensors = {}
    for variable in variables:
        if variable.offset + variable.size > lengths[variable.shard]:
            raise ValueError(f"{files[variable.shard].name} is cut short: {variable.name} is not in it")
        data = bytearray(variable.size)
        with files[variable.shard].open("rb") as file:
            file.seek(variable.offset)
            file.readinto(data)
        if masked_crc32c(data) != variable.checksum:
            raise ValueError(f"the checksum of {variable.name} is wrong")
        tensors[variable.name] = as_tensor(data, variable.dtype, variable.shape)
    return tensors


def read_index(index: Path) -> tuple[int, list[Variable]]:
    """The number of files with values, and the variables that hold numbers. Raises ValueError as `read_bundle`."""
    if index.stat().st_size > _MOST_INDEX_BYTES:
        raise ValueError(f"an index has no more than {_MOST_INDEX_BYTES} bytes")
    entries = read_table(memoryview(index.read_bytes()))
    key, header = next(entries, (None, memoryview(b"")))
    if key != b"":
        raise ValueError("its header is missing")
    shards, variables = _shards(header), list(_variables(entries))
    if outside := next((variable.name for variable in variables if variable.shard >= shards), None):
        raise ValueError(f"the values of {outside} are in a file that there is not")
    return shards, variables


def _shards(header: memoryview) -> int:
    """The number of shards in a BundleHeaderProto."""
    if any(number == 1 for number, _ in slices(header)):
        raise ValueError("it is a checkpoint of TensorFlow's first format, of which segkit reads none")
    told = numbers(header)
    if told.get(2, 0) != 0:
        raise ValueError("it was written on a big-endian machine")
    shards = told.get(1, 0)
    if not 1 <= shards <= _MOST_SHARDS:
        raise ValueError(f"it tells of {shards} files of values")
    return shards


def _variables(entries: Iterator[tuple[bytes, memoryview]]) -> Iterator[Variable]:
    """What each BundleEntryProto tells."""
    for key, entry in entries:
        if key.startswith(b"\0"):  # with the part behind it; no name begins so
            raise ValueError("its variables are kept in parts (partitioned variables)")
        told = numbers(entry)
        shape = next((read_shape(value) for number, value in slices(entry) if number == 2), ())
        if (dtype := DTYPES.get(told.get(1, 0))) is not None:
            where = (told.get(number, 0) for number in (3, 4, 5, 6))
            yield Variable(key.decode(), dtype, shape, *where)
