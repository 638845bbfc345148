"""The loss: `part_loss` says what is minimised; the terms that it is made of stand below it."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from segkit.base.labels import IGNORE
from segkit.base.ranks import ALONE, Ranks
from segkit.models.upsampling import resize
from segkit.recipe.config import TrainConfig


@dataclass(frozen=True)
class Totals:
    """Sums over a whole batch, which all its parts are told; those of parts, wherever they are computed, add up.

    `pictures` are all of them; `pixels` is that of `labelled_pixels`; `jaccard` that of `jaccard_sums`, None where the
    batch is one part of each of `ranks`.
    """

    pictures: int
    pixels: Tensor
    jaccard: Tensor | None = None
    ranks: Ranks = ALONE


def part_loss(
    config: TrainConfig,
    logits: Tensor,
    labels: Tensor,
    *,
    totals: Totals,
    class_weights: Tensor | None = None,
    small: Tensor | None = None,
    taught: Tensor | None = None,
) -> Tensor:
    """What a part of a batch adds to its loss, as one number: the parts add up to it, whichever process computes them.

    `logits` is (N, C, H, W), `labels` uint8 (N, H, W) with IGNORE; `totals` are those of the whole batch,
    `class_weights` is (C,). With a teacher, `small` (N, C, h, w) holds the logits before the upsampling and `taught`
    the teacher's.
    """
    share = len(labels) / totals.pictures
    loss = cross_entropy(logits, labels, weights=class_weights, pixels=totals.pixels)
    if config.jaccard:
        sums = jaccard_sums(logits, labels)
        whole = totals.ranks.total(sums.detach().clone()) if totals.jaccard is None else totals.jaccard
        loss = loss + config.jaccard * jaccard_part(sums, whole, share)
    if small is not None and taught is not None:
        term = distillation(small, taught, temperature=config.temperature)
        loss = loss + config.teacher_weight * term * share
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
    return total / torch.where(pixels > 0, pixels, 1)


def labelled_pixels(labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """How many pixels are labelled, each counted with its class's weight, as one number."""
    valid = labels != IGNORE
    return valid.sum() if weights is None else weights[labels[valid].long()].sum()


def jaccard_sums(logits: Tensor, labels: Tensor) -> Tensor:
    """What the soft Jaccard loss of a batch is made of, (3, C), which adds up over its pixels.

    For each class the probability on its own pixels, that on all labelled pixels, and how many are its own. Arguments
    as in `cross_entropy`.
    """
    flat = logits.permute(0, 2, 3, 1).reshape(-1, logits.shape[1]).float()
    valid = labels.reshape(-1) != IGNORE
    truth = F.one_hot(labels.reshape(-1)[valid].long(), logits.shape[1]).to(flat.dtype)
    guess = flat[valid].softmax(1)
    return torch.stack([(truth * guess).sum(0), guess.sum(0), truth.sum(0)])


def jaccard_loss(sums: Tensor) -> Tensor:
    """One minus the mean over the labelled classes of the soft intersection over union, as one number.

    `sums` are those of `jaccard_sums` over a whole batch (Rahman and Wang 2016); 0 where no pixel is labelled.
    """
    present = sums[2] > 0
    if not present.any():
        return sums.sum() * 0
    intersection, guess, truth = sums[:, present]
    return 1 - (intersection / (truth + guess - intersection)).mean()


def jaccard_part(sums: Tensor, totals: Tensor, share: float) -> Tensor:
    """What a part that is a `share` of a batch adds to its `jaccard_loss`, by its own sums and those of the batch.

    It is linear in the part's sums, with the slopes that the loss has at the batch's, so that the parts' gradients add
    up to the batch's; the linear terms add up to 0, since the loss stays where it is when all sums are doubled.
    """
    at = totals.detach().requires_grad_()
    whole = jaccard_loss(at)
    (slopes,) = torch.autograd.grad(whole, at)
    return whole.detach() * share + (slopes * sums).sum()


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
