"""Files of other makers: what is to be told of them, and what their inputs and outputs tell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from segkit.base.errors import ConfigError, WeightsError
from segkit.base.labels import IGNORE
from segkit.deploy.formats import Opened, Port
from segkit.deploy.network import Output

Layout = Literal["nchw", "nhwc"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


@dataclass(frozen=True)
class InputTold:
    """What is to be told of another maker's file: how pictures are made the numbers that it takes.

    These are (picture - mean) / std, a value for each colour on 0..255; a file that takes whole numbers takes the
    pictures as they are. `layout` is to be told where both would fit.
    """

    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    layout: Layout | None = None


def told_needed(opened: Opened, told: InputTold | None) -> InputTold | None:
    """Of what is told of several files together, the part that one of them needs; None where that is nothing."""
    if told is None or opened.told is not None:
        return None
    mean, std = (told.mean, told.std) if opened.takes.dtype.kind == "f" else (None, None)
    needed = InputTold(mean, std, told.layout if len(_layouts(opened.takes)) > 1 else None)
    return None if needed == InputTold() else needed


def read_layout(path: Path, takes: Port, told: Layout | None) -> tuple[Layout, tuple[int, int] | None]:
    """The order of the axes of pictures, and their height and width where these are fixed.

    Raises ConfigError where the order has to be told, or what is told of it is wrong, WeightsError for what is no
    picture.
    """
    if len(takes.sizes) != 4 or takes.sizes[0] not in (1, None):
        raise WeightsError(f"{path}: takes {takes}, not one picture: export it for a batch of one")
    fits = _layouts(takes)
    if told is not None:
        if told not in fits:
            raise ConfigError(f"{path}: takes {takes}, which is not {told}: leave out --layout")
        fits = [told]
    if not fits:
        raise WeightsError(f"{path}: takes {takes}, no pictures of three colours: export it for RGB")
    if len(fits) > 1:
        raise ConfigError(f"{path}: takes {takes}, which may be nchw or nhwc: give --layout")
    height, width = takes.sizes[2:] if fits[0] == "nchw" else takes.sizes[1:3]
    return fits[0], None if height is None or width is None else (height, width)


def _layouts(takes: Port) -> list[Layout]:
    """The orders of axes that four sizes can be of: where three colours are said, else where they may be."""
    if len(takes.sizes) != 4:
        return []
    colours = {layout: takes.sizes[1 if layout == "nchw" else 3] for layout in LAYOUTS}
    return [layout for layout in LAYOUTS if colours[layout] == 3] or [
        layout for layout in LAYOUTS if colours[layout] is None
    ]


def read_output(path: Path, gives: Port, layout: Layout, size: tuple[int, int] | None) -> tuple[Output, int | None]:
    """What a file gives, labels or logits of every pixel, and of how many classes, where that is to be seen.

    Raises WeightsError for anything else.
    """
    sizes = gives.sizes
    if gives.dtype.kind in "iu":
        sides = tuple(side for side in sizes if side != 1)
        sides = sides[1:] if len(sides) == 3 and sizes[0] is None else sides  # a batch of any size
        if len(sides) == 2 and _may_be(sides, size):
            return "labels", None
    elif len(sizes) == 4 and gives.dtype.kind == "f":
        count, sides = (sizes[1], sizes[2:]) if layout == "nchw" else (sizes[3], sizes[1:3])
        if count is not None and 1 < count <= IGNORE and _may_be(sides, size):
            return "logits", count
    raise WeightsError(
        f"{path}: gives {gives}, not a class or 2 to {IGNORE} logits for every pixel of its pictures: export it so"
    )


def _may_be(sides: tuple[int | None, ...], size: tuple[int, int] | None) -> bool:
    return size is None or all(side in (None, pixels) for side, pixels in zip(sides, size, strict=True))
