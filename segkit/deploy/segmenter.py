"""A file that a runtime runs, as a `Segmenter`: segkit's own by what it tells, another maker's by its ports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from segkit.base.errors import ConfigError, WeightsError, told_by
from segkit.base.labels import IGNORE, Palette, default_classes, voc_palette
from segkit.base.pictures import Stretch
from segkit.deploy.about import About
from segkit.deploy.formats import Opened, Port
from segkit.deploy.network import PADDING, Output
from segkit.models.upsampling import resize, upsampled_labels

Layout = Literal["nchw", "nhwc"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

_SUMS_TO_ONE = 1e-2
"""Of probabilities in half precision."""


@dataclass(frozen=True)
class InputTold:
    """What is to be told of another maker's file: how pictures are made the numbers that it takes.

    These are (picture - mean) / std, a value for each colour on 0..255; a file that takes whole numbers takes the
    pictures as they are. `layout` is to be told where both would fit.
    """

    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    layout: Layout | None = None


@dataclass(frozen=True)
class Wire:
    """How a runtime is given a picture: in which order of axes, as which numbers, and normalised how."""

    layout: Layout = "nhwc"
    dtype: np.dtype = field(default_factory=lambda: np.dtype(np.uint8))
    mean: Tensor | None = None
    std: Tensor | None = None

    def picture(self, image: Tensor) -> np.ndarray:
        """Float (3, H, W) on 0..255 -> what is handed over, a batch of one."""
        if self.mean is not None and self.std is not None:
            image = (image - self.mean[0]) / self.std[0]
        else:
            image = image.round().clamp(0, 255).to(torch.uint8)
        axes = image if self.layout == "nchw" else image.permute(1, 2, 0)
        return np.ascontiguousarray(axes[None].numpy(), dtype=self.dtype)


class ExportedSegmenter:
    """A file that is run on the CPU by its own runtime, `opened`.

    `output` is what it puts out, as `DeployNetwork` explains; `told` is of its weights, as `told_of_weights` tells.
    """

    def __init__(
        self,
        path: Path,
        opened: Opened,
        wire: Wire,
        *,
        output: Output,
        classes: Sequence[str],
        palette: Palette,
        mean: Tensor,
        size: tuple[int, int] | None,
        side_step: int = 1,
        canvas: int | None = None,
        stretch: Stretch | None = None,
        output_stride: int | None = None,
        told: Mapping[str, Any],
    ) -> None:
        self.path, self.output, self.told = path, output, dict(told)
        self.classes, self.palette = tuple(classes), palette
        self.mean, self.canvas, self.stretch, self.output_stride = mean, canvas, stretch, output_stride
        self.side_step, self.fixed_size = side_step, size
        self.device = torch.device("cpu")
        self._opened, self._wire = opened, wire

    def __call__(self, images: Tensor) -> Tensor:
        """Float pictures (N, 3, H, W), RGB in 0..255 -> logits (N, classes, H, W), of probabilities the log."""
        if self.output == "labels":
            raise self._gives_no("logits or probs")
        made = self._run(images)
        if self.output == "probs" or (self._opened.told is None and _is_distribution(made)):
            return made.clamp_min(1e-30).log()
        return resize(made, images.shape[2:])

    def logits(self, images: Tensor) -> Tensor:
        """The logits before they are upsampled: (N, classes, h, w)."""
        if self.output != "logits":
            raise self._gives_no("logits")
        return self._run(images)

    def labels(self, images: Tensor) -> Tensor:
        """The class of each pixel: uint8 (N, H, W)."""
        made = self._run(images)
        if self.output == "labels":
            return self._as_labels(made)
        return upsampled_labels(made, images.shape[2:]) if self.output == "logits" else made.argmax(1).byte()

    def _as_labels(self, made: Tensor) -> Tensor:
        if (largest := int(made.max())) >= len(self.classes) or int(made.min()) < 0:
            raise WeightsError(f"{self.path}: gives class {largest} of {len(self.classes)}: it was made for other data")
        return made.byte()

    def _gives_no(self, wanted: str) -> ConfigError:
        return ConfigError(
            f"{self.path} puts out {self.output} alone, which are not enough for several scales, mirror images "
            f"or windows: export it with --output {wanted}"
        )

    def _run(self, images: Tensor) -> Tensor:
        try:
            made = [self._opened.run(self._wire.picture(image)) for image in images]
        except Exception as error:  # of a runtime's own kind
            height, width = images.shape[2:]
            raise WeightsError(
                f"{self.path}: does not run on {width}x{height} pixels ({told_by(error)}): export it for one size"
            ) from None
        whole = torch.from_numpy(np.concatenate(made))
        if self.output == "labels":
            return whole.reshape(len(images), *images.shape[2:])
        return whole if self._wire.layout == "nchw" or self._opened.told is not None else whole.permute(0, 3, 1, 2)


def segmenter_of(
    path: Path, opened: Opened, *, told: InputTold | None = None, classes: Sequence[str] | None = None
) -> ExportedSegmenter:
    """The segmenter of an opened file. `told` and `classes` are for files of other makers, which do not tell them.

    Raises ConfigError where what is told is missing or contradicts the file, WeightsError for a file that takes no
    picture or gives no classes of its pixels.
    """
    if opened.told is None:
        return _foreign(path, opened, told or InputTold(), classes)
    if told is not None:
        raise ConfigError(f"{path}: says itself what it takes: leave out --mean, --std and --layout")
    about = About.read(path, opened.told)
    return ExportedSegmenter(
        path,
        opened,
        Wire(),
        output=about.output,
        classes=about.classes,
        palette=about.palette,
        mean=torch.full((1, 3, 1, 1), float(about.padding)),
        size=about.size,
        side_step=about.side_step,
        canvas=about.canvas,
        stretch=about.stretch,
        output_stride=about.output_stride,
        told={**about.told, "exported_from": about.told.get("weights_sha256")},
    )


def _foreign(path: Path, opened: Opened, told: InputTold, classes: Sequence[str] | None) -> ExportedSegmenter:
    layout, size = _layout(path, opened.takes, told.layout)
    output, count = _output(path, opened.gives, layout, size)
    names = _names(path, count, classes)
    if opened.takes.dtype == np.uint8:
        if told.mean is not None or told.std is not None:
            raise ConfigError(f"{path}: takes pictures as they are, as whole numbers: leave out --mean and --std")
        mean, wire = torch.full((1, 3, 1, 1), float(PADDING)), Wire(layout)
    elif opened.takes.dtype.kind == "f":
        if told.mean is None or told.std is None:
            raise ConfigError(
                f"{path}: does not tell how its pictures are normalised: give --mean and --std, on 0..255, such as "
                "--mean 127.5 --std 127.5"
            )
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (told.mean, told.std))
        wire = Wire(layout, opened.takes.dtype, mean, std)
    else:
        raise WeightsError(f"{path}: takes {opened.takes}, not uint8 or floats: export it with one of these")
    return ExportedSegmenter(
        path,
        opened,
        wire,
        output=output,
        classes=names,
        palette=voc_palette(len(names)),
        mean=mean,
        size=size,
        told={},
    )


def _layout(path: Path, takes: Port, told: Layout | None) -> tuple[Layout, tuple[int, int] | None]:
    """The order of the axes of pictures, and their height and width where these are fixed."""
    if len(takes.sizes) != 4 or takes.sizes[0] not in (1, None):
        raise WeightsError(f"{path}: takes {takes}, not one picture: export it for a batch of one")
    colours = {layout: takes.sizes[1 if layout == "nchw" else 3] for layout in LAYOUTS}
    fits = [layout for layout in LAYOUTS if colours[layout] == 3] or [
        layout for layout in LAYOUTS if colours[layout] is None
    ]
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


def _output(path: Path, gives: Port, layout: Layout, size: tuple[int, int] | None) -> tuple[Output, int | None]:
    """What a file gives, labels or logits of every pixel, and of how many classes, where that is to be seen."""
    sizes = gives.sizes
    if gives.dtype.kind in "iu":
        sides = tuple(side for side in sizes if side != 1)
        if len(sides) == 2 and (size is None or sides == size):
            return "labels", None
    elif len(sizes) == 4 and gives.dtype.kind == "f":
        count, sides = (sizes[1], sizes[2:]) if layout == "nchw" else (sizes[3], sizes[1:3])
        if count is not None and 1 < count <= IGNORE and (size is None or sides == size):
            return "logits", count
    raise WeightsError(
        f"{path}: gives {gives}, not a class or 2 to {IGNORE} logits for every pixel of its pictures: export it so"
    )


def _names(path: Path, count: int | None, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is not None:
        if count not in (None, len(given)):
            raise WeightsError(f"{path}: has {count} classes, not {len(given)}: it was made for other data")
        return tuple(given)
    return default_classes(count or IGNORE)


def _is_distribution(made: Tensor) -> bool:
    """Whether the values are probabilities, which other makers put out in place of logits."""
    return bool(made.min() >= 0 and (made.sum(1) - 1).abs().max() < _SUMS_TO_ONE)
