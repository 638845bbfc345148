"""What is run on a picture: groups of measurements that share their passes through a network.

A measurement is a name and the confusion counts of each picture.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segkit.data.dataset import Sample
from segkit.evaluation.counts import PictureCounts, count_picture
from segkit.evaluation.geometry import scaled_side
from segkit.evaluation.inference import MF_SCALES, canvas_of, pad, predict_label
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.upsampling import resize
from tools.mistakes import pictures
from tools.mistakes.networks import Networks

Counts = dict[str, PictureCounts]

DEFAULT_SIDE = 513
"""Of the square that pictures are resized to, for weights that carry no canvas."""


class Work:
    """A picture and what its measurements share."""

    def __init__(self, sample: Sample, networks: Networks) -> None:
        self.sample = sample
        self.networks = networks
        self.network = networks("os16")
        self.side = self.network.canvas or DEFAULT_SIDE
        self.size = canvas_of(self.network, *sample.label.shape)
        self._padded = pad(self.image, self.network.mean, self.size)
        self._low: dict[tuple[float, bool], Tensor] = {}

    @property
    def image(self) -> Tensor:
        """The picture as float (1, 3, H, W), on the network's device."""
        image = torch.from_numpy(self.sample.image).permute(2, 0, 1)[None]
        return image.to(self.network.device).float()

    def low(self, scale: float = 1.0, mirrored: bool = False) -> Tensor:
        """The network's logits on the padded picture before upsampling; computed once for all groups."""
        if (scale, mirrored) not in self._low:
            size = self._scaled(scale)
            image = self._padded if size == self.size else resize(self._padded, size)
            self._low[scale, mirrored] = self.network.logits(image.flip(3) if mirrored else image).float()
        return self._low[scale, mirrored]

    def logits(self, scale: float = 1.0, mirrored: bool = False) -> Tensor:
        """The logits of a pass at the size of the picture, as `predict` makes them."""
        logits = resize(self.low(scale, mirrored), self._scaled(scale))
        if mirrored:
            logits = logits.flip(3)
        return self.cropped(logits if self._scaled(scale) == self.size else resize(logits, self.size))

    def cropped(self, x: Tensor) -> Tensor:
        """What of the canvas is the picture."""
        height, width = self.sample.label.shape
        return x[:, :, :height, :width]

    def count(self, prediction: np.ndarray, label: np.ndarray | None = None) -> PictureCounts:
        """The confusion counts of a label map against the picture's own, or another."""
        sample = self.sample if label is None else self.sample._replace(label=label)
        return count_picture(sample, prediction, len(self.network.classes))

    def _scaled(self, scale: float) -> tuple[int, ...]:
        return tuple(scaled_side(side, scale, self.network.side_step) for side in self.size)


def likeliest(scores: Tensor) -> np.ndarray:
    """(1, C, H, W) -> the class of the highest score, uint8 (H, W)."""
    return scores[0].argmax(0).to(torch.uint8).cpu().numpy()


def single(work: Work) -> Counts:
    """One pass, and what can be done wrong after it."""
    low, label = work.low(), work.sample.label
    prediction = likeliest(work.logits().softmax(1))
    uncornered = work.cropped(F.interpolate(low, size=work.size, mode="bilinear", align_corners=False))
    early = work.cropped(resize(low.softmax(1), work.size))
    return {
        "baseline": work.count(prediction),
        "align_corners": work.count(likeliest(uncornered)),
        "softmax_first": work.count(likeliest(early)),
        "ignore_as_background": work.count(prediction, pictures.ignore_as_background(label)),
        "border": work.count(prediction, pictures.nearest_class(label)),
    }


def even(work: Work) -> Counts:
    """A canvas of even sides, one pixel less than the baseline's, with either padding of the convolutions."""
    height, width = work.sample.label.shape
    rows, columns = canvas_of(work.network, height + 1, width + 1)
    image = pad(work.image, work.network.mean, (rows - 1, columns - 1))

    def predicted(network: DeepLabV3) -> np.ndarray:
        return likeliest(work.cropped(network(image)))

    return {
        "even_canvas": work.count(predicted(work.network)),
        "symmetric_padding": work.count(predicted(work.networks("symmetric"))),
    }


def mf(work: Work) -> Counts:
    """The twelve passes of multi-scale and flip, put together rightly, wrongly and in part."""
    found: Counts = {}
    probabilities = logits = flip = None
    for scale in MF_SCALES:
        for mirrored in (False, True):
            passed = work.logits(scale, mirrored)
            likely = passed.softmax(1)
            if scale == 1:
                flip = likely if flip is None else (flip + likely) / 2
            elif not mirrored:
                found[scale_name(scale)] = work.count(likeliest(likely))
            logits = passed if logits is None else logits + passed
            probabilities = likely if probabilities is None else probabilities + likely
    assert probabilities is not None and logits is not None and flip is not None
    passes = 2 * len(MF_SCALES)
    return {
        "mf": work.count(likeliest(probabilities / passes)),
        "mf_logits": work.count(likeliest(logits / passes)),
        "flip": work.count(likeliest(flip)),
        **found,
    }


def squashed(work: Work) -> Counts:
    """Stretched to a square and scored there, the truth resized in either way."""
    sample = work.sample
    picture, label = pictures.resized(sample.image, sample.label, work.side)
    prediction = predict_label(work.network, picture)
    blurred = pictures.bilinear_label(sample.label, work.side, len(work.network.classes))
    return {"resized": work.count(prediction, label), "bilinear_labels": work.count(prediction, blurred)}


def own_pass(
    name: str,
    network: str = "os16",
    *,
    change: Callable[[Work], pictures.Pair] = lambda work: work.sample[:2],
    precision: torch.dtype = torch.float32,
) -> "Group":
    """A single pass of another network, of another picture with its label map, or in another precision."""

    def measure(work: Work) -> Counts:
        picture, label = change(work)
        return {name: work.count(predict_label(work.networks(network), picture, precision=precision), label)}

    return Group((name,), measure)


def scale_name(scale: float) -> str:
    """The measurement of one scale of MF alone."""
    return f"scale_{scale:g}"


class Group(NamedTuple):
    """The names of its measurements, and what measures them on a picture."""

    measurements: tuple[str, ...]
    measure: Callable[[Work], Counts]


SCALES_ALONE = tuple(scale_name(scale) for scale in MF_SCALES if scale != 1)

GROUPS: dict[str, Group] = {
    "single": Group(("baseline", "align_corners", "softmax_first", "ignore_as_background", "border"), single),
    "os8": own_pass("os8", "os8"),
    "dilated_os16": own_pass("dilated_os16", "dilated_os16"),
    "dilated_os8": own_pass("dilated_os8", "dilated_os8"),
    "even": Group(("even_canvas", "symmetric_padding"), even),
    "imagenet": own_pass("imagenet", "imagenet"),
    "eps": own_pass("eps", "eps"),
    "bf16": own_pass("bf16", precision=torch.bfloat16),
    "bgr": own_pass("bgr", change=lambda work: (pictures.bgr(work.sample.image), work.sample.label)),
    "jpeg": own_pass("jpeg", change=lambda work: (pictures.jpeg(work.sample.image), work.sample.label)),
    "squashed": Group(("resized", "bilinear_labels"), squashed),
    "letterbox": own_pass(
        "letterbox",
        change=lambda work: pictures.letterboxed(*work.sample[:2], work.side, work.network.mean.flatten().tolist()),
    ),
    "centre_crop": own_pass("centre_crop", change=lambda work: pictures.centre_cropped(*work.sample[:2], work.side)),
    "mf": Group(("mf", "mf_logits", "flip", *SCALES_ALONE), mf),
}


def group_of(measurement: str) -> str:
    """The group that a measurement is in."""
    return next(name for name, group in GROUPS.items() if measurement in group.measurements)
