"""From pictures to class probabilities and label maps: single pass, multi-scale and flip, sliding window."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from segkit.base.device import autocast, memory_for
from segkit.base.errors import ConfigError
from segkit.base.labels import Palette
from segkit.base.memory import give_back_memory
from segkit.base.pictures import Stretch
from segkit.evaluation.geometry import canvas_size, scaled_side, window_starts
from segkit.models.upsampling import resize

MF_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""The scales of the published MF rows, each with its mirror image: 12 passes."""

WHOLE_PIXELS = 4_000_000
"""Pictures of up to so many pixels are predicted whole; with 21 classes their probabilities take 0.3 GB."""
WINDOW = 1025


class Segmenter(Protocol):
    """What prediction and evaluation need of a network, whatever runs it.

    `canvas` is the side in pixels of the square that pictures are padded to (None: the next size that fits), `mean` the
    colour that they are padded with, (1, 3, 1, 1) on 0..255, `stretch` the values of pictures of 16 bits that are to
    become 0 and 255 (None: their high byte is taken).
    """

    classes: tuple[str, ...]
    palette: Palette
    canvas: int | None
    stretch: Stretch | None
    mean: Tensor

    @property
    def output_stride(self) -> int | None:
        """How many pixels a logit stands for before upsampling; None where another maker's file does not tell."""
        ...

    @property
    def device(self) -> torch.device:
        """Where pictures have to be to be given to it."""
        ...

    @property
    def side_step(self) -> int:
        """The sides that it is run at are `side_step * k + 1` pixels; 1: any side."""
        ...

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """The only height and width that it takes; None: any that fits `side_step`."""
        ...

    def __call__(self, images: Tensor) -> Tensor:
        """Float pictures (N, 3, H, W), RGB in 0..255 -> logits (N, classes, H, W)."""
        ...

    def labels(self, images: Tensor) -> Tensor:
        """The class with the largest of them at each pixel: uint8 (N, H, W)."""
        ...

    def logits(self, images: Tensor) -> Tensor:
        """The logits before they are upsampled: (N, classes, h, w)."""
        ...


def predict_label(
    model: Segmenter,
    picture: np.ndarray,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
    precision: torch.dtype = torch.float32,
) -> np.ndarray:
    """The likeliest class of each pixel of one picture, uint8 (H, W, 3) RGB -> uint8 (H, W).

    `scales`, `flip` and `window` are those of `predict`; `precision` runs the network under autocast in float16 or
    bfloat16. A picture of more than WHOLE_PIXELS is predicted in windows (of 1025 where `window` is not given), a band
    of rows at a time, since the probabilities of all its pixels would not fit in memory.
    """
    height, width = picture.shape[:2]
    band = height
    if height * width > WHOLE_PIXELS:
        band = window = window or WINDOW
    label = np.empty((height, width), np.uint8)
    covered = 0
    for top in window_starts(height, band):
        image = torch.from_numpy(picture[top : top + band]).permute(2, 0, 1)[None]
        told = f"{width}x{min(band, height)} pixels at the scale {max(scales):g}"
        with memory_for(told, "give a smaller --window"), autocast(model.device, precision):
            predicted = predict_labels(model, image, scales=scales, flip=flip, window=window)[0]
        first = (covered - top) // 2 if covered else 0  # bands meet in the middle of their overlap
        label[top + first : top + band] = predicted[first:].cpu().numpy()
        covered = top + band
        give_back_memory()
    return label


@torch.inference_mode()
def predict_labels(
    model: Segmenter,
    images: Tensor,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
) -> Tensor:
    """The likeliest class of each pixel, with less work than by `predict`, whose arguments and errors these are.

    Pictures (N, 3, H, W) -> uint8 (N, H, W). One pass over a whole picture needs no probabilities; where several are
    averaged, it is the class of the largest.
    """
    _check(model, images, scales, window)
    height, width = images.shape[2:]
    if tuple(scales) != (1.0,) or flip or _is_in_windows(model, images, window):
        return predict(model, images, scales=scales, flip=flip, window=window).argmax(1).to(torch.uint8)
    padded = pad(images.to(model.device).float(), model.mean, canvas_of(model, height, width))
    with _evaluation_mode(model):
        return model.labels(padded)[:, :height, :width]


@torch.inference_mode()
def predict(
    model: Segmenter,
    images: Tensor,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
) -> Tensor:
    """Class probabilities of whole pictures at their own size.

    `images` is (N, 3, H, W), RGB in 0..255, uint8 or float; the result is float (N, classes, H, W) and sums to one over
    the classes. Pictures are padded with the model's mean colour to its canvas (else to the next size that fits),
    resized by each of `scales` with aligned corners, also mirrored where `flip`; softmax is averaged over all passes
    (the MF of the MobileNetV2 paper: `scales=MF_SCALES, flip=True`). Pictures with a side over `window` pixels, or
    larger than the fixed size of a model that has one, are predicted in overlapping windows of that size, whose
    probabilities are averaged. A network in training mode is put in evaluation mode for the time. Raises ValueError for
    no or non-positive scales, a window under 1 and pictures of another shape, ConfigError for a scale other than 1
    where the model's size is fixed.
    """
    _check(model, images, scales, window)
    images = images.to(model.device).float()
    with _evaluation_mode(model):
        if _is_in_windows(model, images, window):
            size = _window_size(model, images, window)
            return _predict_windows(lambda part: _predict_whole(model, part, scales, flip), images, size)
        return _predict_whole(model, images, scales, flip)


def _check(model: Segmenter, images: Tensor, scales: Sequence[float], window: int | None) -> None:
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"pictures are (N, 3, H, W), not {tuple(images.shape)}")
    if not scales or min(scales) <= 0:
        raise ValueError(f"scales are one or more positive numbers, not {tuple(scales)}")
    if window is not None and window < 1:
        raise ValueError(f"a window has at least 1 pixel a side, not {window}")
    if model.fixed_size and (other := [scale for scale in scales if scale != 1]):
        height, width = model.fixed_size
        raise ConfigError(
            f"the model takes pictures of {width}x{height} pixels alone and has no scale {other[0]:g}: predict at "
            "scale 1, or with a model of any size"
        )


def _window_size(model: Segmenter, images: Tensor, window: int | None) -> tuple[int, int]:
    rows, columns = (min(side, window or side) for side in model.fixed_size or images.shape[2:])
    return rows, columns


def _is_in_windows(model: Segmenter, images: Tensor, window: int | None) -> bool:
    """Whether the pictures are larger than a window."""
    rows, columns = _window_size(model, images, window)
    return images.shape[2] > rows or images.shape[3] > columns


@contextmanager
def _evaluation_mode(model: Segmenter) -> Iterator[None]:
    """In training mode, dropout and the batch's own statistics would spoil the result, and the pictures the network."""
    training = [module for module in model.modules() if module.training] if isinstance(model, nn.Module) else []
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:  # and no other: a training may hold some in evaluation mode
            module.training = True


def _predict_whole(model: Segmenter, images: Tensor, scales: Sequence[float], flip: bool) -> Tensor:
    height, width = images.shape[2:]
    size = canvas_of(model, height, width)
    padded = pad(images, model.mean, size)
    total: Tensor | None = None
    for scale in scales:
        scaled = size if scale == 1 else tuple(scaled_side(side, scale, model.side_step) for side in size)
        pictures = padded if scaled == size else resize(padded, scaled)
        for mirrored in (False, True) if flip else (False,):
            logits = model(pictures.flip(3) if mirrored else pictures)
            if mirrored:
                logits = logits.flip(3)
            if scaled != size:
                logits = resize(logits, size)
            probabilities = logits[:, :, :height, :width].softmax(1)
            total = probabilities if total is None else total.add_(probabilities)
    assert total is not None
    return total.div_(len(scales) * (2 if flip else 1))


def canvas_of(model: Segmenter, height: int, width: int) -> tuple[int, int]:
    """Height and width that pictures are padded to for a model, at scale 1."""
    return model.fixed_size or canvas_size(height, width, canvas=model.canvas, step=model.side_step)


def pad(images: Tensor, mean: Tensor, size: tuple[int, int]) -> Tensor:
    """Pad float pictures (N, 3, H, W) to `size`, at the bottom and on the right, with the mean colour, in float.

    `mean` is (1, 3, 1, 1) on 0..255: after normalising, the padding is exactly 0, which no uint8 colour would give.
    """
    height, width = images.shape[2:]
    if size == (height, width):
        return images
    padded = mean.expand(len(images), 3, *size).clone()
    padded[:, :, :height, :width] = images
    return padded


def _predict_windows(whole: Callable[[Tensor], Tensor], images: Tensor, window: tuple[int, int]) -> Tensor:
    height, width = images.shape[2:]
    total: Tensor | None = None
    visits = torch.zeros(1, 1, height, width, device=images.device)
    for top in window_starts(height, window[0]):
        for left in window_starts(width, window[1]):
            rows, columns = slice(top, top + window[0]), slice(left, left + window[1])
            probabilities = whole(images[:, :, rows, columns])
            if total is None:
                total = probabilities.new_zeros(len(images), probabilities.shape[1], height, width)
            total[:, :, rows, columns] += probabilities
            visits[:, :, rows, columns] += 1
    assert total is not None
    return total.div_(visits)  # in place: of a band of a large picture it is half a gigabyte
