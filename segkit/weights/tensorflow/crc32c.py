"""CRC-32C (RFC 3720, appendix B.4) as LevelDB and TensorFlow store it, fast enough in numpy for whole checkpoints.

What a zero does to the register is linear over GF(2), and data is added to it before. So four bytes at a time are two
look-ups, equal parts of the data go side by side, and the register over two parts is that of the first, taken over as
many zeros as the second is long, plus that of the second.
"""

import numpy as np

_POLYNOMIAL = 0x82F63B78
_START = b"Td\x1fd"
"""Takes the register from 0 to all ones, where a CRC-32C begins: so zeros may stand before the data."""
_MOST_LANES, _LANE_WORDS = 2**14, 2**6
_MASK_DELTA = 0xA282EAD8


def masked_crc32c(data: bytes | bytearray | memoryview) -> int:
    """The checksum of `data`, rotated and moved as LevelDB stores it (`crc32c::Mask`)."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFF_FFFF


def crc32c(data: bytes | bytearray | memoryview) -> int:
    """The checksum of `data`."""
    words = -(-(len(data) + len(_START)) // 4)
    lanes = min(_MOST_LANES, 1 << (words // _LANE_WORDS).bit_length())
    words = -(-words // lanes)
    padded = b"".join((bytes(4 * words * lanes - len(_START) - len(data)), _START, data))
    registers = np.zeros(lanes, np.uint32)
    for column in np.frombuffer(padded, "<u4").reshape(lanes, words).T:
        registers = registers ^ column
        registers = _LOW[registers & 0xFFFF] ^ _HIGH[registers >> 16]
    over_zeros = _over_zeros(32 * words)
    while len(registers) > 1:
        registers = _apply(over_zeros, registers[0::2]) ^ registers[1::2]
        over_zeros = _apply(over_zeros, over_zeros)
    return int(registers[0]) ^ 0xFFFF_FFFF


def _over_zeros(bits: int) -> np.ndarray:
    """What so many zero bits make of a register, as the images of its 32 bits."""
    images, power = _BITS, np.where(_BITS & 1, np.uint32(_POLYNOMIAL), _BITS >> 1)
    while bits:
        if bits & 1:
            images = _apply(power, images)
        power = _apply(power, power)
        bits >>= 1
    return images


def _apply(images: np.ndarray, registers: np.ndarray) -> np.ndarray:
    return np.bitwise_xor.reduce(np.where(registers[:, None] & _BITS, images, np.uint32(0)), axis=1)


_BITS = np.uint32(1) << np.arange(32, dtype=np.uint32)
_HALVES = np.arange(2**16, dtype=np.uint32)
_LOW, _HIGH = _apply(_over_zeros(32), _HALVES), _apply(_over_zeros(32), _HALVES << 16)
