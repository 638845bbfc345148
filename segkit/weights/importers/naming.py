"""How others name a network: a table from their layers to ours, and what their tensors do not tell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from segkit.models.mobilenet_v2 import STAGES, scaled_channels
from segkit.weights.imported import PROJECTION, Weights


@dataclass(frozen=True, kw_only=True)
class Naming:
    """One network under its makers' names.

    A file holds it when all of `marks` and none of `unlike` are among its names. `layers` are theirs -> ours: a name
    without its last part, such as "features.0.0" -> "backbone.stem.conv". `prepare` makes of the file's tensors those
    that the table speaks of; KeyError from it for a tensor that is missing. `canvas`, in pixels a side, is that of the
    segmentation network. `divisors` are those that the makers of a MobileNetV2 round its channels to, likelier first.
    """

    backbone: str
    marks: frozenset[str]
    unlike: frozenset[str] = frozenset()
    layers: Mapping[str, str]
    prepare: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = dict
    options: Mapping[str, Any]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    canvas: int | None = None
    divisors: tuple[int, ...] = ()

    def matches(self, names: set[str]) -> bool:
        """Whether these are the names of a file that holds it."""
        return self.marks <= names and self.unlike.isdisjoint(names)

    def convert(self, tensors: Mapping[str, Tensor], source: str) -> Weights:
        """The weights in segkit's names; KeyError where an expected tensor is missing."""
        named = {rename(name, self.layers): tensor for name, tensor in self.prepare(tensors).items()}
        segmentation = PROJECTION in named
        if segmentation:  # the classifier's last convolution is carried along, unused: the head is built before it
            named = {name: tensor for name, tensor in named.items() if not name.startswith("last.")}
        elif "classifier.weight" in named:
            named["classifier.weight"] = named["classifier.weight"].flatten(1)  # for some a 1x1 convolution
        return Weights(
            source=source,
            backbone=self.backbone,
            aspp="head.branches.1.conv.weight" in named,
            options={**self.options, **(_mobilenet_v2_width(named, self.divisors) if self.divisors else {})},
            tensors=named,
            mean=self.mean,
            std=self.std,
            canvas=self.canvas if segmentation else None,
        )


def rename(name: str, layers: Mapping[str, str]) -> str:
    """A tensor's name with its layer as `layers` has it; an unknown one is kept, and the loader names it."""
    layer, _, last = name.rpartition(".")
    return f"{layers[layer]}.{last}" if layer in layers else name


def with_parts(units: Mapping[str, str], *, conv: str, norm: str) -> dict[str, str]:
    """The layers of units, theirs -> ours, where they call every unit's convolution and batch norm alike."""
    parts = ((conv, "conv"), (norm, "norm"))
    return {f"{theirs}.{part}": f"{ours}.{own}" for theirs, ours in units.items() for part, own in parts}


def _mobilenet_v2_width(named: Mapping[str, Tensor], divisors: tuple[int, ...]) -> dict[str, float | int]:
    """`width`, and as `divisor` the first of `divisors` that gives all stages the channels that they have."""
    lasts = [sum(repeats for _, _, repeats, _ in STAGES[: i + 1]) - 1 for i in range(len(STAGES))]
    found = [named[f"backbone.blocks.{last}.project.conv.weight"].shape[0] for last in lasts]
    # The last stage: its 320 channels need no rounding at any width in use.
    width = found[-1] / STAGES[-1][1]
    for divisor in divisors:
        if found == [scaled_channels(channels, width, divisor) for _, channels, _, _ in STAGES]:
            return {"width": width, "divisor": divisor}
    return {"width": width, "divisor": divisors[0]}  # fits none: the loader names the tensors
