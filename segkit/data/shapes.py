"""The built-in data set: shapes before a background, drawn on the fly from a seed; nothing is downloaded.

What an object is shows in its outline and in its texture, which backgrounds may have too, and never in its colour:
all classes take their colours from one distribution. `tools/shapes_baselines.py` measures how little colour gives away.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np

from segkit.base.labels import IGNORE, voc_palette
from segkit.data.dataset import Sample


class _Colouring(NamedTuple):
    """How strong the colours are of which something is painted."""

    saturation: tuple[float, float]
    strength: tuple[float, float]


TEXTURES = {
    "disc": "gradient",
    "square": "checks",
    "triangle": "stripes",
    "ring": "noise",
    "cross": "dots",
    "bar": "clouds",
}
"""The texture of each class's objects. A background has any of them: a texture alone does not make an object."""

CLASSES = ("background", *TEXTURES)

# Part of the random key of a picture: changing one changes its split.
SPLITS = {"train": 0, "val": 1, "test": 2}

DEFAULT_SIDE = 129
"""Side of a picture in pixels: 16k + 1, which output stride 16 divides without padding."""

_OBJECTS = (2, 5)  # how many a picture has, least and most
_RADIUS = (0.15, 0.42)  # of the circle around an object, as a share of the side, before _GROWTH
# Makes the classes cover areas that are not too different: a bar fills little of the circle around it.
_GROWTH = {"disc": 0.85, "square": 1.0, "triangle": 1.25, "ring": 1.0, "cross": 1.2, "bar": 1.5}
_CONTRAST = 70  # least distance in RGB between the mean colours of an object and of the background
# Saturation of a colour, and how far a pattern varies it, both as a length in RGB.
_GROUND = _Colouring(saturation=(0, 50), strength=(5, 30))
_OBJECT = _Colouring(saturation=(80, 140), strength=(60, 100))
_PERIODS = {"checks": (5.5, 7), "dots": (8, 10), "stripes": (11, 15)}  # in pixels
_SUBPIXEL = 4  # binary digits after the point in cv2's polygon corners


class ShapesDataset:
    """`size` pictures of `side` x `side` pixels. Each is a pure function of (seed, split, index, side).

    `split` is "train", "val" or "test". Labels have a border of IGNORE, two pixels wide, along every outline, as VOC's.
    Raises ValueError for an unknown split.
    """

    classes = CLASSES
    palette = voc_palette(len(CLASSES))

    def __init__(self, split: str, *, size: int, side: int = DEFAULT_SIDE, seed: int = 0) -> None:
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r} of the shapes: choose one of {', '.join(SPLITS)}")
        self.split = split
        self.side = side
        self.seed = seed
        self.ids = [f"{split}_{index:05d}" for index in range(size)]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        """Draw picture `index`. Raises IndexError past the end."""
        if not 0 <= index < len(self.ids):
            raise IndexError(f"the {self.split} split of the shapes has {len(self.ids)} pictures: no number {index}")
        rng = np.random.default_rng([self.seed, SPLITS[self.split], index])
        image, label = draw(rng, self.side)
        return Sample(image, label, self.ids[index])


def draw(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture, uint8 (side, side, 3) RGB, and its label map, uint8 (side, side), in the classes of CLASSES."""
    ground = _colours(rng, _GROUND)
    image = _paint(ground, _field(rng, side, str(rng.choice(list(TEXTURES.values())))))
    objects = np.zeros((side, side), np.uint8)  # 0 is the background, then the objects in the order of drawing
    kinds = [0]
    low, high = _RADIUS
    radii = low * (high / low) ** rng.random(rng.integers(_OBJECTS[0], _OBJECTS[1], endpoint=True))
    for radius in sorted(radii * side, reverse=True):  # small ones last: in front of large ones, not lost behind them
        kinds.append(int(rng.integers(1, len(CLASSES))))
        kind = CLASSES[kinds[-1]]
        mask = _mask(rng, kind, radius, side)
        colours, field = _colours(rng, _OBJECT, unlike=ground[0]), _field(rng, side, TEXTURES[kind])
        x, y, width, height = cv2.boundingRect(mask)
        patch = np.s_[y : y + height, x : x + width]
        image[patch] += (mask[patch][..., None] / np.float32(255)) * (_paint(colours, field[patch]) - image[patch])
        objects[mask > 127] = len(kinds) - 1
    label = np.array(kinds, np.uint8)[objects]
    box = np.ones((3, 3), np.uint8)
    label[cv2.dilate(objects, box) != cv2.erode(objects, box)] = IGNORE
    return _photograph(rng, image), label


def _colours(
    rng: np.random.Generator, colouring: _Colouring, *, unlike: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A mean colour in 0..255, far enough from the colour `unlike`, and the direction in which a pattern varies it."""
    while True:
        grey = rng.uniform(60, 195)
        tint = rng.standard_normal(3)
        tint -= tint.mean()
        tint *= rng.uniform(*colouring.saturation) / np.linalg.norm(tint)
        mean = np.clip(grey + tint, 10, 245).astype(np.float32)
        if unlike is None or np.linalg.norm(mean - unlike) >= _CONTRAST:
            break
    # Mostly of lightness, as most textures are.
    direction = np.full(3, rng.choice((-1.0, 1.0))) + 0.25 * rng.standard_normal(3)
    direction *= rng.uniform(*colouring.strength) / np.linalg.norm(direction)
    return mean, direction.astype(np.float32)


def _paint(colours: tuple[np.ndarray, np.ndarray], field: np.ndarray) -> np.ndarray:
    """A pattern (H, W) in colour: float (H, W, 3)."""
    mean, direction = colours
    return mean + direction * field[..., None]


def _field(rng: np.random.Generator, side: int, texture: str) -> np.ndarray:
    """A pattern in about -1..1, turned and sized at random."""
    if texture == "noise":
        cells = max(4, round(side / rng.uniform(1.5, 3)))
        noise = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        return cv2.resize(noise, (side, side), interpolation=cv2.INTER_LINEAR)
    if texture == "clouds":
        cells = int(rng.integers(3, 12))
        noise = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    angle = np.float32(rng.uniform(0, 2 * math.pi))
    across = np.linspace(-1, 1, side, dtype=np.float32)
    u = np.cos(angle) * across[None, :] + np.sin(angle) * across[:, None]
    if texture == "gradient":
        return u
    v = np.cos(angle) * across[:, None] - np.sin(angle) * across[None, :]
    frequency = np.float32(math.pi * side / rng.uniform(*_PERIODS[texture]))
    stripes = np.sin(u * frequency + np.float32(rng.uniform(0, 2 * math.pi)))
    if texture == "stripes":
        return stripes
    crossing = np.sin(v * frequency)
    if texture == "dots":
        return np.float32(2) * (stripes + crossing > 0.8) - 1
    return np.sign(stripes) * np.sign(crossing)


def _mask(rng: np.random.Generator, kind: str, radius: float, side: int) -> np.ndarray:
    """One object as uint8 (side, side), 255 inside, with soft edges, turned and placed at random."""
    angle = rng.uniform(0, 2 * math.pi)
    stretch = rng.uniform(0.85, 1.0)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = rng.uniform(0.1, 0.9, 2) * side
    contours = []
    for outline in _outlines(rng, kind):
        points = radius * _GROWTH[kind] * (outline * (1, stretch)) @ turn.T + centre
        contours.append(np.round(points * 2**_SUBPIXEL).astype(np.int32))
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, contours, 255, cv2.LINE_AA, _SUBPIXEL)
    return mask


def _outlines(rng: np.random.Generator, kind: str) -> list[np.ndarray]:
    """The closed outlines of a shape in the unit circle, each (corners, 2); a second one is a hole."""
    if kind == "disc":
        return [_circle(48, 1)]
    if kind == "ring":
        return [_circle(48, 1), _circle(48, rng.uniform(0.4, 0.65))]
    if kind == "square":
        return [_circle(4, 1)]
    if kind == "triangle":
        return [_circle(3, 1)]
    if kind == "bar":
        height = rng.uniform(0.12, 0.2)
        return [np.array([(1, height), (-1, height), (-1, -height), (1, -height)])]
    arm = rng.uniform(0.2, 0.3)
    corners = [(1, arm), (arm, arm), (arm, 1), (-arm, 1), (-arm, arm), (-1, arm)]
    return [np.array(corners + [(-x, -y) for x, y in corners])]


def _circle(corners: int, radius: float) -> np.ndarray:
    angles = np.arange(corners) * 2 * math.pi / corners
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The drawing under uneven light, out of focus and with noise, as uint8."""
    side = len(image)
    light = cv2.resize(rng.uniform(0.8, 1.15, (2, 2)).astype(np.float32), (side, side))
    image = cv2.GaussianBlur(image * light[..., None], (5, 5), rng.uniform(0.3, 0.8))
    noise = rng.uniform(1, 4) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image + noise + 0.5, 0, 255).astype(np.uint8)
