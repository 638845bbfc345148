"""THE rule of strides and dilations, on plain integers.

Every backbone asks `atrous_plan` for the stride and dilation of each of its convolutions, so there is one place that
decides them. A convolution that loses its stride keeps the dilation of its *input*; the convolutions after it are
dilated by the stride that was lost. Then, for the same weights, a network at a smaller output stride computes the
same function at more positions (the a-trous identity, DeepLab, https://arxiv.org/abs/1606.00915 section 3.1):
`features(OS16)[..., ::2, ::2] == features(OS32)`.
"""

from collections.abc import Sequence
from typing import Literal, get_args

OutputStride = Literal[8, 16, 32]
"""The output strides that networks are built for."""
OUTPUT_STRIDES: tuple[int, ...] = get_args(OutputStride)


def check_output_stride(output_stride: int) -> None:
    """Raise ValueError unless `output_stride` is one that segkit builds (8, 16, 32)."""
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(f"output stride {output_stride} is not one of {OUTPUT_STRIDES}")


def atrous_plan(strides: Sequence[int], output_stride: int) -> list[tuple[int, int]]:
    """Stride and dilation of each unit of a network whose units would have `strides` as a classifier.

    `strides` runs from the first unit of the stem to the last unit, each 1 or 2. The product of the returned strides
    is at most `output_stride` (8, 16 or 32); what is left becomes dilation. Raises ValueError for another one.
    """
    check_output_stride(output_stride)
    plan = []
    current_stride, current_dilation = 1, 1
    for stride in strides:
        if current_stride * stride <= output_stride:
            plan.append((stride, current_dilation))
            current_stride *= stride
        else:
            plan.append((1, current_dilation))
            current_dilation *= stride
    return plan


def aspp_rates(output_stride: int) -> tuple[int, int, int]:
    """The rates of the three atrous branches: 6, 12, 18 at output stride 16, doubled at 8, halved at 32.

    From DeepLabv3 (https://arxiv.org/abs/1706.05587 section 3.3). Rates follow from the output stride, so that a branch
    sees the same part of the picture at each. Raises ValueError for another output stride.
    """
    check_output_stride(output_stride)
    return (6 * 16 // output_stride, 12 * 16 // output_stride, 18 * 16 // output_stride)
