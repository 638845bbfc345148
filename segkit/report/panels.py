"""Panels of pictures with titles and a legend, put together on white paper."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from segkit.base.errors import printable

Entry = tuple[tuple[int, int, int], str]
"""A line of a legend: a colour and its name, of letters that a font has (see `font_of`)."""

PILLOWS = ""

PAPER = (255, 255, 255)
INK = (33, 33, 33)
OUTLINE = (140, 140, 140)

_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "arial.ttf",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "PingFang.ttc",
)
"""Looked for on this machine, in this order, where Pillow's own has not got a letter: it has hardly more than ASCII."""
_NO_LETTER = "\U0010fffd"  # a private one: every font draws it as one that it has not got

_LONGEST = 24  # text heights that a name may be wide where the picture is narrower


def draw_legend(entries: Sequence[Entry], width: int, text: int) -> np.ndarray:
    """Swatches and names in rows of `width` pixels, or one a row where a name needs more, uint8 (H, W, 3).

    `text` is the height of the text in pixels; a name that is far too long is cut short.
    """
    lines = [_line(name) for _, name in entries]
    fonts = [load_font(font_of(line) or PILLOWS, text) for line in lines]
    margin, swatch, gap = round(text * 0.6), text, round(text * 0.4)
    around = 2 * margin + swatch + gap
    widest = max(font.getlength(line) for font, line in zip(fonts, lines, strict=True))
    least = math.ceil(min(widest, _LONGEST * text)) + around
    in_column, width = width < least, max(width, least)
    names = [_fitted(line, font, width - around) for font, line in zip(fonts, lines, strict=True)]

    places, x, y = [], margin, margin
    for font, name in zip(fonts, names, strict=True):
        needed = swatch + gap + round(font.getlength(name))
        if x > margin and (in_column or x + needed > width - margin):
            x, y = margin, y + round(text * 1.5)
        places.append((x, y))
        x += needed + text
    image = Image.new("RGB", (width, y + swatch + margin), PAPER)
    draw = ImageDraw.Draw(image)
    for (colour, _), font, name, (x, y) in zip(entries, fonts, names, places, strict=True):
        draw.rectangle((x, y, x + swatch - 1, y + swatch - 1), colour, OUTLINE, max(1, text // 16))
        draw.text((x + swatch + gap, y + swatch / 2), name, INK, font, anchor="lm")
    return np.array(image)


def draw_title(name: str, text: int) -> np.ndarray:
    """A line of text, `text` pixels high, uint8 (H, W, 3)."""
    font = load_font(PILLOWS, text)
    image = Image.new("RGB", (round(font.getlength(name)) + text // 2, round(text * 1.6)), PAPER)
    ImageDraw.Draw(image).text((0, text * 0.8), name, INK, font, anchor="lm")
    return np.array(image)


def font_of(name: str) -> str | None:
    """The font that has every letter of a name: PILLOWS, a file on this machine, or None where there is none."""
    return next((font for font in (PILLOWS, *_FONTS) if _holds(font, _line(name))), None)


def _holds(font: str, name: str) -> bool:
    try:
        loaded = load_font(font, 16)
    except OSError:  # not on this machine
        return False
    lacking = bytes(loaded.getmask(_NO_LETTER))
    return all(bytes(loaded.getmask(letter)) != lacking for letter in set(name))


@cache
def load_font(font: str, text: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font at a height in pixels; OSError where it is not on this machine."""
    return ImageFont.load_default(text) if font == PILLOWS else ImageFont.truetype(font, text)


def _line(name: str) -> str:
    return printable(" ".join(name.split()))  # Pillow measures no text of several lines


def _fitted(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(name) <= width:
        return name
    kept = bisect_right(range(len(name)), width, key=lambda count: math.ceil(font.getlength(f"{name[:count]}...")))
    return f"{name[: max(0, kept - 1)]}..."


def stack(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures one below the other, in white where one is narrower."""
    page = np.full((sum(len(part) for part in parts), max(part.shape[1] for part in parts), 3), PAPER, np.uint8)
    top = 0
    for part in parts:
        page[top : top + len(part), : part.shape[1]] = part
        top += len(part)
    return page


def side_by_side(parts: Sequence[np.ndarray], gap: int = 0) -> np.ndarray:
    """Pictures beside each other, in white where one is lower."""
    page = np.full((max(map(len, parts)), sum(part.shape[1] + gap for part in parts) - gap, 3), PAPER, np.uint8)
    left = 0
    for part in parts:
        page[: len(part), left : left + part.shape[1]] = part
        left += part.shape[1] + gap
    return page
