"""Label Studio's brush masks."""

import numpy as np

from segkit.base.errors import DataError
from segkit.base.pictures import MAX_PIXELS


def decode_rle(data: bytes, height: int, width: int) -> np.ndarray:
    """Label Studio's packed RGBA values: bool (height, width), true where alpha is not 0.

    32 bits say how many values follow, 5 the bits of a value less 1, four times 4 the bits of a run's length less 1.
    Then come runs: a bit (1: one value repeated, 0: as many different ones), 2 bits choosing the length's bits, the
    length less 1, the value or values. Raises DataError unless they fill the picture exactly.
    """
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    text = bits.tobytes().translate(bytes([48, 49]) + bytes(254)).decode()
    place = 0

    def number(size: int) -> int:
        nonlocal place
        place += size
        if place > len(text):
            raise DataError("a brush mask is cut short: export it again")
        return int(text[place - size : place], 2)

    count, word = number(32), number(5) + 1
    lengths = [number(4) + 1 for _ in range(4)]
    if count != 4 * height * width or height * width > MAX_PIXELS or word != 8:
        raise DataError(f"a brush mask is not of its picture's {width}x{height} pixels: export it again")
    values = np.zeros(count, np.uint8)
    done = 0
    while done < count:
        repeated = number(1)
        end = done + 1 + number(lengths[number(2)])
        if end > count:
            raise DataError(f"a brush mask is longer than its picture of {width}x{height} pixels: export it again")
        if repeated:
            values[done:end] = number(word)
        else:
            size = (end - done) * word
            number(size)
            values[done:end] = np.packbits(bits[place - size : place])
        done = end
    return values.reshape(height, width, 4)[..., 3] > 0
