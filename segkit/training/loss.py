"""The loss: cross entropy over the labelled pixels of the whole batch, and an optional soft Jaccard term."""

import torch
import torch.nn.functional as F
from torch import Tensor

from segkit.base.labels import IGNORE


def cross_entropy(
    logits: Tensor, labels: Tensor, *, weights: Tensor | None = None, pixels: Tensor | None = None
) -> Tensor:
    """The sum of the pixels' cross entropies divided by how many pixels are labelled, as one number.

    `logits` is (N, C, H, W), `labels` integer (N, H, W) with IGNORE; `weights` (C,) weighs the classes. `pixels` is the
    divisor (see `labelled_pixels`), given where the batch is computed in parts so that the parts add up to the batch.
    A batch without a labelled pixel gives 0: divided picture by picture it would be 0/0, and one such step turns every
    weight to NaN.
    """
    if pixels is None:
        pixels = labelled_pixels(labels, weights)
    # Flat: the backward pass of the two-dimensional loss is not deterministic on CUDA.
    flat = logits.permute(0, 2, 3, 1).reshape(-1, logits.shape[1]).float()
    total = F.cross_entropy(flat, labels.reshape(-1).long(), weight=weights, ignore_index=IGNORE, reduction="sum")
    return total / pixels


def labelled_pixels(labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """How many pixels are labelled, each counted with its class's weight, but never 0."""
    valid = labels[labels != IGNORE].long()
    if weights is None:
        return valid.new_tensor(max(valid.numel(), 1))
    total = weights[valid].sum()
    return torch.where(total > 0, total, torch.ones_like(total))


def soft_jaccard(logits: Tensor, labels: Tensor) -> Tensor:
    """One minus the mean over the classes in `labels` of the soft intersection over union, as one number.

    Arguments as in `cross_entropy`. The sum of products over the sum of the rest, on the whole batch (Rahman and Wang
    2016); 0 for a batch without a labelled pixel.
    """
    flat = logits.permute(0, 2, 3, 1).reshape(-1, logits.shape[1]).float()
    valid = labels.reshape(-1) != IGNORE
    truth = F.one_hot(labels.reshape(-1)[valid].long(), logits.shape[1]).to(flat.dtype)
    guess = flat[valid].softmax(1)
    intersection = (truth * guess).sum(0)
    union = truth.sum(0) + guess.sum(0) - intersection
    present = truth.sum(0) > 0
    if not present.any():
        return flat.sum() * 0
    return 1 - (intersection[present] / union[present]).mean()
