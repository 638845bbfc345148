"""One picture of an export and its label map, written; the work of a process of its own."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.files import write_atomically
from segkit.base.label_files import count_values, save_label
from segkit.base.labels import Palette
from segkit.base.pictures import shown_size, turned
from segkit.data.importers.export import Annotated, Drawn, expected_form


@dataclass(frozen=True)
class Place:
    """Where pictures and labels are written to, the palette of the labels, and whether pictures are links."""

    folder: Path
    palette: Palette
    link: bool


class Converted(NamedTuple):
    """The name of a picture that was written; its label's pixels by value, int64 (256,), shorter side, objects and
    reasons of `Drawn`."""

    file: str
    pixels: np.ndarray
    side: int
    objects: int
    left_out: tuple[str, ...]


def convert(place: Place, task: tuple[str, Annotated]) -> Converted | str:
    """Write a picture and its label map under a name; why it is left out, where it cannot be read or drawn."""
    name, item = task
    unpacked: Path | None = None
    try:
        with expected_form():
            if item.unpack is not None:
                unpacked = _unpacked(place.folder / "images" / name, item.unpack(item.picture))
            picture = unpacked or item.picture
            drawn = _fitted(item, picture)
    except DataError as error:
        if unpacked is not None:
            unpacked.unlink()
        return str(error).replace(str(unpacked), "the picture inside").removeprefix(f"{item.picture} ")
    target = unpacked or place.folder / "images" / f"{name}{item.picture.suffix.lower()}"
    if unpacked is None and place.link:
        target.symlink_to(item.picture.resolve())
    elif unpacked is None:
        shutil.copyfile(item.picture, target)
    save_label(place.folder / "labels" / f"{name}.png", drawn.label, place.palette)
    return Converted(target.name, count_values(drawn.label), min(drawn.label.shape), drawn.objects, drawn.left_out)


def _unpacked(path: Path, data: bytes) -> Path:
    kind = next(
        (suffix for start, suffix in ((b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg")) if data.startswith(start)), ""
    )
    if not kind:
        raise DataError("the picture inside is neither a PNG nor a JPEG: put the picture beside it")
    path = path.with_name(f"{path.name}{kind}")
    write_atomically(path, data)
    return path


def _fitted(item: Annotated, picture: Path) -> Drawn:
    """The label map of the picture as it is shown, that is, turned by its EXIF orientation.

    Where the sides tell that the stored picture was annotated, the label is turned with it. Where they do not (half a
    turn, mirrored, square), the annotation is taken to be of the picture as it is shown: so labelme, CVAT and web
    browsers show it.
    """
    shown, orientation = shown_size(picture)
    stored = shown[::-1] if orientation > 4 else shown
    size = item.size or shown
    if size not in (shown, stored):
        raise DataError(_sizes("it was annotated at", size, shown))
    drawn = item.draw(*size)
    if drawn.label.shape not in (shown, stored):
        raise DataError(_sizes("its mask is", drawn.label.shape, shown))
    return drawn if drawn.label.shape == shown else drawn._replace(label=turned(drawn.label, orientation))


def _sizes(what: str, size: tuple[int, ...], shown: tuple[int, ...]) -> str:
    return (
        f"{what} {size[1]}x{size[0]} pixels, but the picture has {shown[1]}x{shown[0]}: "
        "put the picture there that was annotated"
    )
