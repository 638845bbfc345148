"""Picture files as others write them, by Pillow and by hand."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def save(path: Path, values: object, mode: str | None = None, **options: object) -> Path:
    """Values as a picture file, by Pillow."""
    array = np.asarray(values)
    image = Image.fromarray(array if array.dtype != np.int64 else array.astype(np.uint8))
    if mode == "1":
        image = image.convert("1")
    image.save(path, **options)
    return path


def png(
    path: Path,
    width: int,
    height: int,
    depth: int,
    colour: int,
    data: bytes,
    *,
    palette: bytes = b"",
    interlaced: bool = False,
) -> Path:
    """A PNG written by hand, for what Pillow does not write; colour 0 is grey, 2 RGB, 3 indexed, 4 grey with alpha."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = chunk(b"IHDR", header) + (chunk(b"PLTE", palette) if palette else b"")
    chunks += chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path
