"""The loss: `part_loss` says what is minimised; the terms that it is made of stand below it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from segkit.base.labels import IGNORE
from segkit.models.deeplabv3 import resize
from segkit.recipe.config import TrainConfig


def part_loss(
    config: TrainConfig,
    logits: Tensor,
    labels: Tensor,
    *,
    pixels: Tensor,
    class_weights: Tensor | None = None,
    small: Tensor | None = None,
    taught: Tensor | None = None,
) -> Tensor:
    """What one of the `config.accumulate` parts of a batch adds to its loss, as one number: the parts add up to it.

    `logits` is (N, C, H, W), `labels` uint8 (N, H, W) with IGNORE; `pixels` counts the labelled pixels of the whole
    batch (see `labelled_pixels`), `class_weights` is (C,). With a teacher, `small` (N, C, h, w) holds the logits before
    the upsampling and `taught` the teacher's.
    """
    loss = cross_entropy(logits, labels, weights=class_weights, pixels=pixels)
    if config.jaccard:
        loss = loss + config.jaccard * soft_jaccard(logits, labels) / config.accumulate
    if small is not None and taught is not None:
        term = distillation(small, taught, temperature=config.temperature)
        loss = loss + config.teacher_weight * term / config.accumulate
    return loss


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


def distillation(student: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
    """How far the student's probabilities are from the teacher's, as one number: 0 where they are the same.

    Both are logits of the same pictures and classes, (N, C, h, w), before the upsampling; the teacher's are resized to
    the student's size where they have another. T^2 times the Kullback-Leibler divergence of the softmax at temperature
    T, the mean over all positions; T^2 keeps the gradient about as large whatever the temperature (Hinton, Vinyals and
    Dean 2015, https://arxiv.org/abs/1503.02531).
    """
    # Not at the size of the pictures: two softmax of every pixel would cost a large part of a step on a CPU, and the
    # upsampling adds nothing to what is known at these positions.
    if teacher.shape[2:] != student.shape[2:]:
        teacher = resize(teacher.float(), student.shape[2:])
    truth, guess = ((logits.float() / temperature).log_softmax(1) for logits in (teacher, student))
    total = F.kl_div(guess, truth, reduction="sum", log_target=True)
    return temperature**2 * total / (student.numel() // student.shape[1])
