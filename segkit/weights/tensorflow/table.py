"""LevelDB's table, in which the index of a checkpoint is: keys in order, in blocks that an index block lists.

Format as in https://github.com/google/leveldb/blob/main/doc/table_format.md and tensorflow/core/lib/io/table*.
"""

from collections.abc import Iterator

from segkit.weights.tensorflow.crc32c import masked_crc32c
from segkit.weights.tensorflow.wire import Reader

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
"""The last bytes of a table."""
MOST_ENTRIES = 100_000
MOST_KEY_BYTES = 2_000
"""Keys share beginnings, so that a small file could tell of many long ones."""

_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
_UNCOMPRESSED, _SNAPPY = 0, 1


def read_table(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The keys and values of a table, in ascending order of the keys.

    Raises ValueError for what is no table, for a checksum that is wrong, compressed blocks, and keys that are out of
    order, too long or too many.
    """
    if len(data) < _FOOTER_BYTES or bytes(data[-len(MAGIC) :]) != MAGIC:
        raise ValueError("it does not end as a table of LevelDB's does")
    footer = Reader(data[-_FOOTER_BYTES:])
    _handle(footer)  # of the metaindex block, which TensorFlow leaves empty
    last, count = None, 0
    for _, where in _entries(_block(data, Reader(footer.data[footer.at :]))):
        for key, value in _entries(_block(data, Reader(where))):
            count += 1
            if count > MOST_ENTRIES or (last is not None and key <= last):
                raise ValueError(f"its keys are more than {MOST_ENTRIES} or not in ascending order")
            last = key
            yield key, value


def _handle(reader: Reader) -> tuple[int, int]:
    return reader.varint(), reader.varint()


def _block(data: memoryview, where: Reader) -> memoryview:
    """The block that a handle tells of, without its trailer: one byte of compression, four of a checksum."""
    offset, size = _handle(where)
    reader = Reader(data[: len(data) - _FOOTER_BYTES])
    reader.take(offset)
    checked = reader.take(size + 1)
    if masked_crc32c(checked) != reader.fixed32():
        raise ValueError("the checksum of a block of its index is wrong")
    if checked[size] != _UNCOMPRESSED:
        kind = "snappy" if checked[size] == _SNAPPY else f"method {checked[size]}"
        raise ValueError(f"its index is compressed ({kind}), as TensorFlow's own checkpoints are not")
    return checked[:size]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values; each key tells how much of the one before it it begins with. Restart points come last."""
    if len(block) < 4:
        raise ValueError("a block of its index is too short")
    restarts = Reader(block[-4:]).fixed32()
    if 4 * (restarts + 1) > len(block):
        raise ValueError("a block of its index tells of more restart points than it holds")
    reader, key = Reader(block[: len(block) - 4 * (restarts + 1)]), b""
    while reader:
        shared, own, length = reader.varint(), reader.varint(), reader.varint()
        if shared > len(key) or shared + own > MOST_KEY_BYTES:
            raise ValueError(f"a key of its index begins with more than there is, or has over {MOST_KEY_BYTES} bytes")
        key = key[:shared] + bytes(reader.take(own))
        yield key, reader.take(length)
