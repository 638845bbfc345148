"""Logit maps at the size of their pictures, and the labels there, which need only a part of it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

_AT_ONCE = 1024
"""Cells that are upsampled together; of a whole map they could be as large as the picture's logits."""


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """(N, C, h, w) -> (N, C, *size), bilinearly with aligned corners, as goes with sides of 16k+1."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def upsampled_labels(logits: Tensor, size: Sequence[int]) -> Tensor:
    """The class with the largest of `resize(logits, size)` at each pixel: (N, C, h, w) -> uint8 (N, *size).

    Bilinear weights are convex: a class that is the largest at the four corners of a cell of the map is so inside it,
    and rounding keeps that order. Only the other cells, a tenth or so of a photograph's, are upsampled, by the same
    operation and weights, so that no pixel differs. Sides that are no whole number of cells are upsampled as a whole.
    """
    (height, width), (rows, columns) = size, logits.shape[2:]
    if min(rows, columns) < 2 or (height - 1) % (rows - 1) or (width - 1) % (columns - 1):
        return resize(logits, size).argmax(1).to(torch.uint8)
    down, across = (height - 1) // (rows - 1), (width - 1) // (columns - 1)
    largest = logits.argmax(1).to(torch.uint8)
    corner = largest[:, :-1, :-1]
    mixed = (corner != largest[:, :-1, 1:]) | (corner != largest[:, 1:, :-1]) | (corner != largest[:, 1:, 1:])
    row_of, column_of = (_cells(count, step, logits.device) for count, step in ((rows, down), (columns, across)))
    labels = corner[:, row_of][:, :, column_of]
    corners = logits.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5)[mixed]
    if len(corners):
        # In the layout of the map: torch rounds otherwise in another.
        layout = torch.channels_last if _is_channels_last(logits) else torch.contiguous_format
        parts = (part.contiguous(memory_format=layout) for part in corners.split(_AT_ONCE))
        found = torch.cat([resize(part, (down + 1, across + 1)).argmax(1).to(torch.uint8) for part in parts])
        # Neighbours share a row or column of pixels, of which both say the same.
        labels.unfold(1, down + 1, down).unfold(2, across + 1, across)[mixed] = found
    return labels


def _cells(corners: int, step: int, device: torch.device) -> Tensor:
    """The cell that each pixel of a side lies in; the last pixel, on a corner, in the cell before it."""
    return (torch.arange((corners - 1) * step + 1, device=device) // step).clamp_(max=corners - 2)


def _is_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
