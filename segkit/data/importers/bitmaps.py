"""Small masks inside annotations: base64, zlib and PNG, checked before anything large is made of them."""

import base64
import binascii
import io
import math
import zlib
from typing import Any

import numpy as np
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.pictures import MAX_PIXELS
from segkit.data.importers.painting import NOTHING, Patch


def from_base64(text: Any, *, what: str) -> bytes:
    """The bytes of base64 in an annotation; DataError, which calls it `what`, where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise DataError(f"a {what} is not base64: export it again") from None


def inflate(data: bytes, *, largest: int) -> bytes:
    """What zlib packed, at most `largest` bytes; data that is not packed comes back as it is."""
    if data[:4] == b"\x89PNG":
        return data
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, largest)
    except zlib.error as error:
        raise DataError(f"a bitmap cannot be unpacked ({error}): export it again") from None
    if unpacker.unconsumed_tail:
        raise DataError(f"a bitmap unpacks to more than {largest} bytes: it is no mask of this picture")
    return unpacked


def png_mask(data: bytes, *, height: int, width: int) -> np.ndarray:
    """A mask in the bytes of a PNG, bool: where its alpha, or else its value, is not 0.

    Raises DataError if it is no PNG, broken, or larger than the picture of (height, width).
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height > min(MAX_PIXELS, (height + 2) * (width + 2)):
                raise DataError(
                    f"a bitmap has {image.width}x{image.height} pixels, more than its picture of {width}x{height}"
                )
            values = np.array(image.convert("RGBA") if image.mode in ("RGBA", "LA", "RGB") else image)
    except DataError:
        raise
    except Exception as error:  # of a broken file Pillow raises OSError, SyntaxError, ValueError, struct.error ...
        raise DataError(f"a bitmap is no PNG, or broken ({error}): export it again") from None
    if values.ndim == 3:
        values = values[..., 3] if values[..., 3].min() < 255 else values[..., :3].max(axis=2)
    return values.astype(bool)


def placed(mask: np.ndarray, x: float, y: float, *, height: int, width: int) -> Patch:
    """A small mask with its upper left corner at (x, y) in a picture of (height, width); what juts out is cut."""
    if not (math.isfinite(x) and math.isfinite(y)):
        raise DataError("a bitmap has no place (NaN or infinite): correct it")
    left, top = round(x), round(y)
    inside = mask[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)]
    return Patch(max(top, 0), max(left, 0), inside) if inside.size else NOTHING


def trimmed(mask: np.ndarray) -> Patch:
    """A mask of a whole picture, bool (height, width), less the rows and columns in which there is nothing."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return Patch(0, 0, mask[:0, :0])
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    kept = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Patch(int(rows[0]), int(columns[0]), np.ascontiguousarray(kept))
