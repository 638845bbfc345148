"""Training pictures: scaled, padded, cropped, mirrored and recoloured at random, each from a key of its own.

albumentations does the work and is imported when the first transform is built, not before.
"""

import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from segkit.base.labels import IGNORE

SampleKey = tuple[int, int, int]
"""(seed, iteration, slot): which sample of a training this is. The same key gives the same draw, always."""

Transform = Callable[[np.ndarray, np.ndarray, SampleKey], tuple[np.ndarray, np.ndarray]]
"""(uint8 (H, W, 3), uint8 (H, W), key) -> the same, of one size for all."""


class TrainingTransform:
    """Random scale, padding, random crop, mirror and colour: TF DeepLab's training pictures, in that order.

    The picture is scaled by a factor from `scales`, in steps of `scale_step` (0: any factor in between), padded at the
    right and at the bottom with the colour `mean` (RGB, 0..255; the label with IGNORE) to at least `crop` pixels a
    side, cut at random to `crop` x `crop`, and mirrored in every second draw if `mirror`. `jitter` (0..1, 0: off) is
    the strength of random brightness, contrast, saturation and hue; it comes first, so the padding keeps its colour.
    With a class `wanted` a pixel of it, drawn at random, is in the cut, where the picture holds one.
    """

    def __init__(
        self,
        *,
        crop: int,
        mean: Sequence[float],
        scales: tuple[float, float] = (0.5, 2.0),
        scale_step: float = 0.25,
        mirror: bool = True,
        jitter: float = 0.0,
        wanted: int | None = None,
    ) -> None:
        # Without this albumentations asks the network for a newer version of itself when it is imported.
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        import albumentations

        steps: list[Any] = [_colour(jitter)] if jitter > 0 else []
        steps += [
            _scale(scales, scale_step),
            albumentations.PadIfNeeded(
                crop,
                crop,
                position="top_left",  # where the picture stays; the padding goes right and down
                border_mode=cv2.BORDER_CONSTANT,
                fill=tuple(round(value) for value in mean),
                fill_mask=IGNORE,
            ),
            _cut(crop, wanted),
        ]
        if mirror:
            steps.append(albumentations.HorizontalFlip(p=0.5))
        # strict: a misspelt argument is an error here, where the default would warn and go on without it.
        self._compose = albumentations.Compose(steps, strict=True)

    def __call__(self, image: np.ndarray, label: np.ndarray, key: SampleKey) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (H, W, 3) and uint8 (H, W) of the same size -> uint8 (crop, crop, 3) and uint8 (crop, crop)."""
        # set_random_seed would hand every step the same seed, and with it the same draw: a large picture would always
        # be cut at the same corner and mirrored the same way. One pair of generators, shared by all steps, does not.
        sequence = np.random.SeedSequence(key)
        word = int(sequence.generate_state(1, np.uint64)[0])
        self._compose.set_random_state(np.random.default_rng(sequence), random.Random(word))
        result = self._compose(image=image, mask=label)
        return np.ascontiguousarray(result["image"]), np.ascontiguousarray(result["mask"])


def _cut(crop: int, wanted: int | None) -> Any:
    import albumentations

    if wanted is None:
        return albumentations.RandomCrop(crop, crop)
    others = [value for value in range(256) if value != wanted]
    return albumentations.CropNonEmptyMaskIfExists(crop, crop, ignore_values=others)


def _scale(scales: tuple[float, float], step: float) -> Any:
    import albumentations

    def between(low: float, high: float) -> Any:
        # albumentations counts from 1. NEAREST_EXACT: plain NEAREST moves a label by up to half a pixel.
        return albumentations.RandomScale(
            (low - 1, high - 1), interpolation=cv2.INTER_LINEAR, mask_interpolation=cv2.INTER_NEAREST_EXACT, p=1
        )

    low, high = scales
    if step == 0:
        return between(low, high)
    count = round((high - low) / step) + 1
    return albumentations.OneOf([between(factor, factor) for factor in np.linspace(low, high, count).tolist()], p=1)


def _colour(strength: float) -> Any:
    import albumentations

    # Hue is the strongest of the four to the eye: a quarter of the others (SimCLR, https://arxiv.org/abs/2002.05709).
    around_one = (1 - strength, 1 + strength)
    return albumentations.ColorJitter(around_one, around_one, around_one, (-strength / 4, strength / 4), p=1)
