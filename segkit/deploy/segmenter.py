"""A file that a runtime runs, as a `Segmenter`: segkit's own by what it tells, another maker's by its ports."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segkit.base.errors import ConfigError, WeightsError, told_by
from segkit.base.labels import IGNORE, Palette, default_classes, voc_palette
from segkit.base.pictures import Stretch
from segkit.deploy.about import About
from segkit.deploy.foreign import InputTold, Layout, read_layout, read_output
from segkit.deploy.formats import Opened
from segkit.deploy.network import PADDING, Output
from segkit.models.upsampling import resize, upsampled_labels
from segkit.weights.lineage import Lineage

_SUMS_TO_ONE = 1e-2
"""Of probabilities in half precision."""


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
        self._run_one, self._wire = opened.run, wire
        self._is_foreign = opened.told is None

    def __call__(self, images: Tensor) -> Tensor:
        """Float pictures (N, 3, H, W), RGB in 0..255 -> logits (N, classes, H, W), of probabilities the log."""
        if self.output == "labels":
            raise self._gives_no("logits or probs")
        made = self._run(images)
        if self.output == "probs" or (self._is_foreign and _is_distribution(made)):
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
        smallest, largest = int(made.min()), int(made.max())
        if smallest < 0 or largest >= len(self.classes):
            wrong = smallest if smallest < 0 else largest
            raise WeightsError(f"{self.path}: gives class {wrong} of {len(self.classes)}: it was made for other data")
        return made.byte()

    def _gives_no(self, wanted: str) -> ConfigError:
        way_out = f"export it with --output {wanted}"
        if self._is_foreign:
            way_out = "predict pictures that fit it in one pass, or have its maker's program put out logits"
        return ConfigError(
            f"{self.path} puts out {self.output} alone, which are not enough for several scales, mirror images "
            f"or windows: {way_out}"
        )

    def _run(self, images: Tensor) -> Tensor:
        try:
            made = np.concatenate([self._run_one(self._wire.picture(image)) for image in images])
        except Exception as error:  # of a runtime's own kind
            height, width = images.shape[2:]
            raise WeightsError(
                f"{self.path}: does not run on {width}x{height} pixels ({told_by(error)}): export it for one size"
            ) from None
        if self.output == "labels":
            labels = torch.from_numpy(made if made.dtype == np.uint8 else made.astype(np.int64))
            return self._fitting(labels, images).reshape(len(images), *images.shape[2:])
        whole = torch.from_numpy(made.astype(np.float32, copy=False))
        if self._wire.layout == "nhwc" and self._is_foreign and whole.ndim == 4:
            whole = whole.permute(0, 3, 1, 2)
        return self._fitting(whole, images)

    def _fitting(self, made: Tensor, images: Tensor) -> Tensor:
        """What was made, where it is of these pictures; what a file says of its output may be wrong, or leave it open.

        Only where segkit wrote the file is it known how logits of fewer pixels are to be upsampled.
        """
        count, (height, width), classes = len(images), images.shape[2:], len(self.classes)
        if self.output == "labels":
            fits, wanted = made.numel() == count * height * width, "a class"
        else:
            is_whole = self.output == "probs" or self._is_foreign
            sides = (height, width) if is_whole else made.shape[2:]
            fits, wanted = made.shape == (count, classes, *sides) and made.ndim == 4, f"{classes} values"
        if not fits:
            raise WeightsError(
                f"{self.path}: gives {tuple(made.shape)} for a picture of {width}x{height} pixels, not {wanted} for "
                "each of them: export it so"
            )
        return made


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
        told={**_lineage(about), "exported_from": about.told.get("weights_sha256")},
    )


def _lineage(about: About) -> dict[str, Any]:
    """What a file tells of its weights, and nothing else: the rest of a protocol is not for it to tell."""
    return {key: about.told[key] for key in Lineage(()).to_protocol() if key in about.told}


def _foreign(path: Path, opened: Opened, told: InputTold, classes: Sequence[str] | None) -> ExportedSegmenter:
    layout, size = read_layout(path, opened.takes, told.layout)
    output, count = read_output(path, opened.gives, layout, size)
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
        told={key: value for key, value in asdict(told).items() if value is not None},
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
