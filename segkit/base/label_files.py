"""Label files: the values in indexed and grey PNGs, exactly as they are stored, and colour maps decoded."""

import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.files import write_atomically
from segkit.base.labels import IGNORE, Palette, palette_table
from segkit.base.pictures import encoded, load, opened

# Pillow scales grey of 2 and 4 bits to 0..255, others do not; of grey with alpha in 16 bits it keeps the high byte.
LOSSLESS = ("PNG", "BMP", "TIFF", "GIF")
"""Pillow's names of the formats that keep values exactly, by which others write masks."""
_LONG_RUNS = 16
"""Pixels that a run of one value has at least, on average, for runs to be counted sooner than pixels."""
_LOSSY = ("jpeg", "tiff_jpeg", "webp")
"""What a TIFF may be packed by."""
_AMBIGUOUS_LABELS = {"L;2": "grey of 2 bits", "L;4": "grey of 4 bits", "LA;16B": "grey of 16 bits with alpha"}


def read_label(path: str | Path, *, colours: Palette | None = None, formats: Collection[str] = ("PNG",)) -> np.ndarray:
    """The label map in a PNG file as uint8 (H, W): the values of an indexed or grey PNG, exactly as they are stored.

    An RGB colour map is decoded by exact colour: `colours[i]` becomes i, and (224, 224, 192), VOC's border, IGNORE
    unless it is among `colours`. No EXIF orientation is applied. Raises DataError as `read_picture` does, and for
    formats other than `formats`, for values above 255, for transparent pixels and for colours that are not known.
    """
    values = read_stored_label(path, formats=formats)
    return _decode_colours(path, values, colours) if values.ndim == 3 else values


def read_stored_label(path: str | Path, *, formats: Collection[str] = ("PNG",)) -> np.ndarray:
    """What a label PNG holds before colours are decoded: uint8, (H, W) values or (H, W, 3) RGB.

    Raises DataError as `read_label` does, but for the colours.
    """
    with opened(path) as image:
        if image.format not in formats or image.info.get("compression") in _LOSSY:
            raise DataError(
                f"{path} is a {image.format} file, but a label map has to be a PNG, which keeps its values exactly: "
                "make it again as an indexed PNG (saving a JPEG as PNG keeps the damage)"
            )
        stored = image.tile[0].args if image.tile else None
        if stored in _AMBIGUOUS_LABELS:
            raise DataError(
                f"{path} is {_AMBIGUOUS_LABELS[stored]}, which programs read as different values: "
                "save it as an indexed or grey PNG of 8 bits"
            )
        load(path, image)
        values, mode = np.array(image), image.mode
    if mode in ("LA", "RGBA"):
        if values[..., -1].min() < 255:
            raise DataError(f"{path} has transparent pixels, which have no label: save it as an indexed PNG")
        values = values[..., 0] if mode == "LA" else values[..., :3]
    if values.ndim == 3:
        return values
    if values.max() > 255:
        raise DataError(f"{path} has the label value {values.max()}, but 255 is the largest: save it with 8 bits")
    return values.astype(np.uint8)


def save_label(path: str | Path, label: np.ndarray, palette: Sequence[Sequence[int]]) -> None:
    """Write a label map, uint8 (H, W), as an indexed PNG with `palette`; OutputError where it cannot be written."""
    write_atomically(Path(path), label_png(label, palette))


def label_png(label: np.ndarray, palette: Sequence[Sequence[int]]) -> bytes:
    """The bytes of an indexed PNG that holds a label map, uint8 (H, W), with `palette`."""
    # Runs are all that labels have: a third of the time of a search for more, and files that are no larger.
    return encoded(indexed(label, palette), "PNG", compress_type=zlib.Z_RLE)


def indexed(label: np.ndarray, palette: Sequence[Sequence[int]]) -> Image.Image:
    """A label map, uint8 (H, W), as an image with `palette`."""
    image = Image.fromarray(label)
    image.putpalette(palette_table(palette).tobytes())
    return image


def count_values(label: np.ndarray) -> np.ndarray:
    """How many pixels have each value, int64 (256,); unlike `np.bincount`, without a copy of the label in int64."""
    flat = label.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1])  # of runs, of which labels have few
    if len(ends) > flat.size // _LONG_RUNS:
        return np.array(Image.fromarray(label).histogram(), np.int64)
    lengths = np.diff(ends, prepend=-1, append=flat.size - 1)
    return np.bincount(flat[np.append(ends, flat.size - 1)], weights=lengths, minlength=256).astype(np.int64)


def _decode_colours(path: str | Path, rgb: np.ndarray, colours: Palette | None) -> np.ndarray:
    if colours is None:
        raise DataError(
            f"{path} is an RGB picture, not a map of class numbers: give the colour of each class as `colours`, "
            "or save it as an indexed PNG"
        )
    labels = {colour_code(colour): label for label, colour in enumerate(colours)}
    labels.setdefault(colour_code(palette_table(colours)[IGNORE]), IGNORE)
    known = np.array(sorted(labels), np.int32)
    values = np.array([labels[code] for code in sorted(labels)], np.uint8)
    codes = colour_codes(rgb)
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    unknown = known[place] != codes
    if unknown.any():
        row, column = np.argwhere(unknown)[0]
        raise DataError(
            f"{path} has the colour {tuple(rgb[row, column].tolist())} (at x {column}, y {row}), which is no class's: "
            f"add it to `colours`, or repaint it ({unknown.mean():.1%} of the pixels have unknown colours)"
        )
    return values[place]


def colour_codes(picture: np.ndarray) -> np.ndarray:
    """The RGB colours of a picture, uint8 (H, W, 3), each as one number, int32 (H, W), which sorts faster."""
    wide = np.zeros((*picture.shape[:2], 4), np.uint8)
    cv2.mixChannels([picture], [wide], [0, 2, 1, 1, 2, 0])
    codes: np.ndarray = wide.view("<i4")[..., 0]
    return codes


def colour_code(colour: Sequence[int]) -> int:
    """The number of one colour in `colour_codes`."""
    red, green, blue = (int(part) for part in colour)
    return (red << 16) | (green << 8) | blue
