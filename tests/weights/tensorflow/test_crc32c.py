import random

import pytest

from segkit.weights.tensorflow.crc32c import crc32c, masked_crc32c


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        # RFC 3720, appendix B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_published_checksums(data, checksum):
    assert crc32c(data) == checksum


@pytest.mark.parametrize("length", [1, 3, 255, 256, 257, 4099, 70_001, 2**20 + 5])
def test_it_is_that_of_one_byte_after_the_other(length):
    data = random.Random(length).randbytes(length)
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    register = 0xFFFFFFFF
    for byte in data:
        register = table[(register ^ byte) & 0xFF] ^ register >> 8
    assert crc32c(data) == crc32c(bytearray(data)) == register ^ 0xFFFFFFFF


def test_the_mask_is_levels():
    """crc32c::Mask of leveldb/util/crc32c.h."""
    assert masked_crc32c(b"foo") == ((0xCFC4AE1D >> 15 | 0xCFC4AE1D << 17) + 0xA282EAD8) & 0xFFFFFFFF
