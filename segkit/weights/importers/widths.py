"""The width of a MobileNetV2, told from its tensors."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from segkit.models.mobilenet_v2 import STAGES, scaled_channels


def mobilenet_v2_width(named: Mapping[str, Tensor], divisors: Sequence[int]) -> dict[str, float | int]:
    """The options `width` and `divisor`, from the backbone's tensors in segkit's names.

    `divisors` are those that the file's makers use, the likelier first: the first is taken that gives all stages their
    channels. KeyError where a tensor is missing.
    """
    lasts = [sum(repeats for _, _, repeats, _ in STAGES[: i + 1]) - 1 for i in range(len(STAGES))]
    found = [named[f"backbone.blocks.{last}.project.conv.weight"].shape[0] for last in lasts]
    # The last stage: its 320 channels need no rounding at any width in use.
    width = found[-1] / STAGES[-1][1]
    for divisor in divisors:
        if found == [scaled_channels(channels, width, divisor) for _, channels, _, _ in STAGES]:
            return {"width": width, "divisor": divisor}
    return {"width": width, "divisor": divisors[0]}  # fits none: the loader names the tensors
