"""Picture files: what is read from them, what is refused, and how they are written."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from segkit.base.errors import DataError, OutputError
from segkit.base.files import files_below, write_atomically
from segkit.base.png import lacks_rows

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""The file name endings, in lower case, that are taken for pictures in a folder."""

MAX_PIXELS = 10_240**2
"""More pixels are refused before they are decoded. As many take 0.8 GB while they are."""

# Only these are tried, whatever the name says: Pillow would run Ghostscript on a PostScript file called .png.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF")
_TOO_LARGE = "make it smaller or cut it into pieces"
_WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

_AT_ONCE = 2**22  # pixels that are converted at once, so that what lies between takes little memory

# Pillow's names for kinds of pixels. Left out: 32 bits ("I", "F"), whose range nobody knows, and Lab.
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
Stretch = tuple[int, int]
"""The values of pictures of 16 bits that become 0 and 255, those between in proportion."""
_CONVERTED = ("1", "L", "P", "RGB", "RGBX", "YCbCr", "CMYK", "LA", "PA", "RGBA", "RGBa")


def pictures_below(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder and of those below it, as `files_below` finds them, and the files that are none."""
    files = files_below(folder)
    pictures = {path: path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() for path in files}
    return [path for path in files if pictures[path]], [path for path in files if not pictures[path]]


def told_others(others: Sequence[Path]) -> str:
    """That files among pictures were left out, in words."""
    listed = ", ".join(path.name for path in others[:3]) + (", ..." if len(others) > 3 else "")
    one = len(others) == 1
    return f"{len(others)} file{'' if one else 's'} left out, no picture{'' if one else 's'} by the name ({listed})"


def read_picture(path: str | Path, *, stretch: Stretch | None = None) -> np.ndarray:
    """The picture in a file as uint8 (H, W, 3), RGB, turned as its EXIF orientation says.

    Grey is repeated, alpha (also a palette's) composed on black, 16 bits reduced to their high byte, or by `stretch`,
    CMYK converted; of several pages or frames the first is read. Raises DataError if the file is missing, empty, cut
    short, no picture, of another kind of pixel (32 bits, Lab ...), has no pixels or more than MAX_PIXELS.
    """
    with opened(path) as image:
        return _as_rgb(path, image, stretch)


def read_reduced(path: str | Path, *, side: int, stretch: Stretch | None = None) -> tuple[np.ndarray, tuple[int, int]]:
    """The picture in a file, as small as is quick to decode, and its full size (width, height).

    As `read_picture`, but a JPEG is decoded at a half, a quarter or an eighth while both sides keep `side` pixels. The
    whole file is read all the same, so what is broken or cut short is refused here too.
    """
    with opened(path) as image:
        width, height = image.size
        image.draft(None, (side, side))  # only JPEG does anything
        return _as_rgb(path, image, stretch), (height, width) if orientation_of(image) > 4 else (width, height)


def _as_rgb(path: str | Path, image: Image.Image, stretch: Stretch | None) -> np.ndarray:
    _check_kind(path, image)
    load(path, image)
    width, height = image.size
    orientation = orientation_of(image)
    picture = np.empty((width, height, 3) if orientation > 4 else (height, width, 3), np.uint8)
    stored = _as_stored(picture, orientation)
    rows = max(1, _AT_ONCE // width)
    for top in range(0, height, rows):
        stored[top : top + rows] = _rows_as_rgb(
            image if rows >= height else image.crop((0, top, width, min(top + rows, height))), stretch
        )
    return picture


def _check_kind(path: str | Path, image: Image.Image) -> None:
    if image.mode not in (*_CONVERTED, *SIXTEEN_BITS):
        raise DataError(f"{path} has pixels of the kind {image.mode}: save it as RGB or grey with 8 or 16 bits")


def _rows_as_rgb(image: Image.Image, stretch: Stretch | None) -> np.ndarray:
    if image.mode in SIXTEEN_BITS:
        return _in_8_bits(np.asarray(image), stretch)[:, :, None]
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", colour.size, (0, 0, 0, 255)), colour)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _in_8_bits(values: np.ndarray, stretch: Stretch | None) -> np.ndarray:
    if stretch is None:
        return (values >> 8).astype(np.uint8)
    low, high = stretch
    return np.clip(((values.astype(np.float32) - low) * (255 / (high - low))).round(), 0, 255).astype(np.uint8)


def exif_orientation(path: str | Path) -> int:
    """The EXIF orientation in a picture's header: 1 as stored, 2 to 8 mirrored or turned, 5 to 8 with sides swapped."""
    with opened(path) as image:
        return orientation_of(image)


def shown_size(path: str | Path) -> tuple[tuple[int, int], int]:
    """The (height, width) of a picture as `read_picture` reads it, and its EXIF orientation, without decoding it.

    Raises DataError as `read_picture` does; other pictures than whole JPEGs and PNGs are decoded to tell.
    """
    with opened(path) as image:
        _check_kind(path, image)
        width, height = image.size
        orientation = orientation_of(image)
        if image.format == "PNG":
            _check_rows(path)
        elif not (image.format == "JPEG" and _is_ended(path)):
            image.load()
    return ((width, height) if orientation > 4 else (height, width)), orientation


def _is_ended(path: str | Path) -> bool:
    """Whether the last bytes of a JPEG hold the marker of its end."""
    with open(path, "rb") as file:
        file.seek(-min(64, file.seek(0, io.SEEK_END)), io.SEEK_END)
        return b"\xff\xd9" in file.read()


def turned(label: np.ndarray, orientation: int) -> np.ndarray:
    """A label map, uint8 (H, W), of a picture as it is stored, turned with it by an EXIF orientation of 1 to 8."""
    upright = np.empty(label.shape[::-1] if orientation > 4 else label.shape, label.dtype)
    _as_stored(upright, orientation)[...] = label
    return upright


def _as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """A view of an upright array, (H, W, ...), as a file with an EXIF orientation, 1 to 8, has it."""
    if orientation in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    if orientation in (3, 4, 7, 8):
        upright = upright[::-1]
    return upright.swapaxes(0, 1) if orientation > 4 else upright


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, that a picture is still to be turned by: Pillow itself turns decoded TIFFs."""
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation if orientation in range(1, 9) else 1


def save_picture(path: str | Path, picture: np.ndarray, *, quality: int = 95, mark: str | None = None) -> None:
    """Write a picture, uint8 (H, W, 3) RGB, as PNG or as JPEG of a quality of 1 to 95, as the name says.

    `mark` is kept as the program in its EXIF data, for `mark_of`.
    Raises OutputError for other endings and where it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITTEN:
        raise OutputError(f"{path} cannot be written as a picture: give it a name that ends in .png or .jpg")
    kind = _WRITTEN[path.suffix.lower()]
    options: dict[str, Any] = {"quality": quality} if kind == "JPEG" else {}
    if mark is not None:
        options["exif"] = Image.Exif()
        options["exif"][ExifTags.Base.Software] = mark
    write_atomically(path, encoded(Image.fromarray(picture), kind, **options))


def mark_of(path: str | Path) -> str | None:
    """The mark that `save_picture` left in a file; None where it is none of its pictures."""
    try:
        with opened(path) as image:
            return image.getexif().get(ExifTags.Base.Software)
    except DataError:
        return None


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture file of a `kind` such as "PNG", with Pillow's `options` for it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@contextmanager
def opened(path: str | Path) -> Iterator[ImageFile.ImageFile]:
    """The picture in a file, size checked, for `load` to decode; what Pillow raises inside becomes a DataError."""
    with _file(path) as file:
        try:
            with Image.open(file, formats=_FORMATS) as image:
                _check_size(path, image)
                yield image
        except DataError:
            raise
        except UnidentifiedImageError:  # also what Pillow says of a width or a height of 0
            raise DataError(_unidentified(path, file)) from None
        except Image.DecompressionBombError:
            raise DataError(f"{path} has more than {MAX_PIXELS} pixels: {_TOO_LARGE}") from None
        except Exception as error:  # of a broken file Pillow raises OSError, SyntaxError, ValueError, struct.error ...
            raise DataError(f"{path} is broken or cut short ({error}): get the file again") from error


def load(path: str | Path, image: Image.Image) -> None:
    """Decode a picture that is `opened`. Raises DataError for a PNG that lacks rows, which Pillow leaves at 0."""
    image.load()
    if image.format == "PNG":
        width, height = image.size
        last = np.asarray(image.crop((0, height - 1, width, height)))
        if not last.any() or image.info.get("interlace"):  # else the last row is there, and so are all before it
            _check_rows(path)


def _check_rows(path: str | Path) -> None:
    with open(path, "rb") as file:
        if lacks_rows(file):
            raise DataError(f"{path} is broken or cut short (rows are missing): get the file again")


def _unidentified(path: str | Path, file: BinaryIO) -> str:
    """What a file is that is called a picture and is none, where its first bytes tell."""
    file.seek(0)
    start = file.read(64)
    if start.startswith(b"version https://git-lfs"):
        return f"{path} is a pointer of Git LFS, not the picture itself: get it by `git lfs pull`"
    if start.startswith((b"\x89PNG\n\x1a\n", b"\x89PNG\r\r\n", b"\x89PNG\r\n\x1a\r\n")):
        return (
            f"{path} is a PNG whose ends of lines were changed as if it were text, by git or by a transfer: get it "
            'again as binary (for git: a line "*.png binary" in .gitattributes before it is added)'
        )
    return (
        f"{path} is not a picture that segkit reads, or has no pixels, whatever its name says: make it a PNG or a JPEG"
    )


def _file(path: str | Path) -> BinaryIO:
    try:
        if Path(path).stat().st_size == 0:
            raise DataError(f"{path} is empty (0 bytes): get the file again")
        return open(path, "rb")
    except FileNotFoundError:
        raise DataError(f"{path} is not there: check the name and the folder") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise DataError(f"{path} cannot be opened ({error}): check what it is and who may read it") from None


def _check_size(path: str | Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(f"{path} has {width}x{height} pixels, more than {MAX_PIXELS}: {_TOO_LARGE}")
