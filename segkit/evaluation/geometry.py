"""THE rule of sizes, on plain integers: a network is run at sides of `step * k + 1` pixels, by its own step."""

import math


def canvas_side(side: int, step: int) -> int:
    """The smallest side of at least `side` pixels that fits: for a step of 16 the next 16k+1."""
    return step * max(1, math.ceil((side - 1) / step)) + 1


def scaled_side(side: int, scale: float, step: int) -> int:
    """The side that fits for a canvas of `side` pixels resized by `scale`.

    `step * ceil((n - 1) * s / step) + 1`, which for 16 is TF DeepLab's `int(512 * s) + 1` for 513 and its six scales.
    """
    # Rounded first: in floating point 800 * 1.1 is a hair over 880, and must not gain a whole step by it.
    return step * max(1, math.ceil(round((side - 1) * scale / step, 6))) + 1


def canvas_size(height: int, width: int, *, canvas: int | None, step: int) -> tuple[int, int]:
    """Height and width that a picture is padded to.

    Each side is `canvas` where that is given and the side is no longer than it, else the side itself; of either, the
    next that fits, since a canvas that does not would be resized at every scale.
    """
    least = canvas or 1
    return canvas_side(max(height, least), step), canvas_side(max(width, least), step)


def window_starts(side: int, window: int, overlap: float = 1 / 3) -> list[int]:
    """Where windows of `window` pixels start along a side so that they cover it and overlap by at least `overlap`."""
    if side <= window:
        return [0]
    step = max(1, int(window * (1 - overlap)))  # whole, so that rounding the starts takes nothing from the overlap
    count = math.ceil((side - window) / step) + 1
    return [round(i * (side - window) / (count - 1)) for i in range(count)]
