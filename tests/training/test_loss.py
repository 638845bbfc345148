"""The loss against torch's own and by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from segkit.base.labels import IGNORE
from segkit.recipe.config import TrainConfig
from segkit.training.loss import (
    Totals,
    cross_entropy,
    distillation,
    jaccard_loss,
    jaccard_part,
    jaccard_sums,
    labelled_pixels,
    part_loss,
)


def soft_jaccard(logits: Tensor, labels: Tensor) -> Tensor:
    """The Jaccard loss of a batch in one part."""
    return jaccard_loss(jaccard_sums(logits, labels))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Logits of four classes and labels without IGNORE, two pictures of 5x6."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 5, 6, generator=generator, dtype=torch.float64).float().requires_grad_()
    return logits, torch.randint(0, 4, (2, 5, 6), generator=generator, dtype=torch.uint8)


def some_ignored(labels: Tensor) -> Tensor:
    """Most of the second picture and little of the first is not labelled, so a mean of means is another number."""
    labels = labels.clone()
    labels[0, 0, :2] = IGNORE
    labels[1, :4] = IGNORE
    return labels


def test_cross_entropy_is_torchs_where_all_is_labelled(batch):
    logits, labels = batch
    expected = F.cross_entropy(logits, labels.long())
    assert cross_entropy(logits, labels).item() == pytest.approx(expected.item(), rel=1e-5)
    assert cross_entropy(logits, labels).dtype == torch.float32 and cross_entropy(logits, labels).ndim == 0


def test_ignored_pixels_do_not_count_and_the_divisor_is_the_whole_batchs(batch):
    logits, labels = batch[0], some_ignored(batch[1])
    valid = labels != IGNORE
    each = F.cross_entropy(logits, torch.where(valid, labels, 0).long(), reduction="none")
    expected = each[valid].sum() / valid.sum()
    assert cross_entropy(logits, labels).item() == pytest.approx(expected.item(), rel=1e-5)
    per_picture = torch.stack([each[n][valid[n]].mean() for n in (0, 1)]).mean()
    assert abs(per_picture - expected) > 1e-3
    assert labelled_pixels(labels) == valid.sum() == 60 - 2 - 24


@pytest.mark.parametrize("weighted", [False, True])
def test_a_batch_without_labels_has_no_loss_and_finite_gradients_of_zero(batch, weighted):
    logits, labels = batch[0], torch.full_like(batch[1], IGNORE)
    weights = torch.tensor([1.0, 2, 3, 4]) if weighted else None
    loss = cross_entropy(logits, labels, weights=weights) + soft_jaccard(logits, labels)
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_class_weights_are_torchs(batch):
    logits, labels = batch[0], some_ignored(batch[1])
    weights = torch.tensor([0.5, 2.0, 0.0, 1.0])
    expected = F.cross_entropy(logits, labels.long(), weight=weights, ignore_index=IGNORE)
    assert cross_entropy(logits, labels, weights=weights).item() == pytest.approx(expected.item(), rel=1e-5)


def test_labels_of_weight_zero_only_have_no_loss(batch):
    labels = torch.full_like(batch[1], 2)
    assert cross_entropy(batch[0], labels, weights=torch.tensor([1.0, 1, 0, 1])).item() == 0


@pytest.mark.parametrize("weighted", [False, True])
def test_parts_add_up_to_the_batch(batch, weighted):
    logits, labels = batch[0], some_ignored(batch[1])
    weights = torch.tensor([0.5, 2.0, 1.5, 1.0]) if weighted else None
    pixels = labelled_pixels(labels, weights)
    parts = [cross_entropy(logits[n : n + 1], labels[n : n + 1], weights=weights, pixels=pixels) for n in (0, 1)]
    whole = cross_entropy(logits, labels, weights=weights).item()
    assert sum(part.item() for part in parts) == pytest.approx(whole, rel=1e-5)


def certain(labels: Tensor, classes: int) -> Tensor:
    return 100.0 * F.one_hot(labels.long(), classes).permute(0, 3, 1, 2)


def test_soft_jaccard_of_the_truth_and_of_its_opposite():
    labels = torch.tensor([[[0, 0, 1, 2]]], dtype=torch.uint8)
    assert soft_jaccard(certain(labels, 4), labels).item() == pytest.approx(0, abs=1e-6)
    assert soft_jaccard(certain(torch.full_like(labels, 3), 4), labels).item() == pytest.approx(1)


def test_soft_jaccard_of_a_guess_that_knows_nothing():
    labels = torch.tensor([[[0, 0, 0, 1, IGNORE]]], dtype=torch.uint8)
    # p = 1/4 at each of 4 pixels. Class 0: 3/4 of 3 + 1 - 3/4; class 1: 1/4 of 1 + 1 - 1/4; classes 2, 3: absent.
    expected = 1 - (0.75 / 3.25 + 0.25 / 1.75) / 2
    assert soft_jaccard(torch.zeros(1, 4, 1, 5), labels).item() == pytest.approx(expected, rel=1e-5)


def test_soft_jaccard_by_hand_over_two_pictures():
    p = torch.tensor([[0.9, 0.2], [0.6, 0.7]])  # the probability of class 1 in two pictures of two pixels
    logits = torch.stack([(1 - p).log(), p.log()], dim=1)[:, :, None]
    labels = torch.tensor([[[1, 0]], [[1, IGNORE]]], dtype=torch.uint8)
    ones = (0.9 + 0.6) / (2 + 0.9 + 0.2 + 0.6 - (0.9 + 0.6))
    zeros = 0.8 / (1 + 0.1 + 0.8 + 0.4 - 0.8)
    assert soft_jaccard(logits, labels).item() == pytest.approx(1 - (ones + zeros) / 2, rel=1e-5)


def test_soft_jaccard_goes_down_its_own_gradient(batch):
    logits, labels = batch[0], some_ignored(batch[1])
    before = soft_jaccard(logits, labels)
    before.backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[1, :, :4].any() and logits.grad[0].any()
    after = soft_jaccard(logits - 0.5 * logits.grad / logits.grad.norm(), labels)
    assert after < before - 1e-3


def test_soft_jaccard_in_parts_is_that_of_the_batch(batch):
    logits, labels = batch[0], some_ignored(batch[1])
    labels[0][labels[0] == 3] = 1  # a class that only the second picture has
    whole = soft_jaccard(logits, labels)
    (gradient,) = torch.autograd.grad(whole, logits)
    with torch.no_grad():
        totals = sum(jaccard_sums(logits[n : n + 1], labels[n : n + 1]) for n in (0, 1))
    parts = [jaccard_part(jaccard_sums(logits[n : n + 1], labels[n : n + 1]), totals, 0.5) for n in (0, 1)]
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), rel=1e-5)
    for part in parts:
        part.backward()
    torch.testing.assert_close(logits.grad, gradient, rtol=1e-5, atol=1e-8)
    alone = [soft_jaccard(logits[n : n + 1], labels[n : n + 1]).item() for n in (0, 1)]
    assert abs(sum(alone) / 2 - whole.item()) > 0.004  # the mean of the parts' own is another loss


def test_logits_of_half_precision_are_added_up_in_float32(batch):
    labels = batch[1]
    loss = cross_entropy(torch.zeros(2, 4, 5, 6, dtype=torch.bfloat16), labels)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(math.log(4), rel=1e-5)


def softened(logits: Tensor, temperature: float) -> Tensor:
    """Probabilities of every position in double precision, (N, h, w, C)."""
    return (logits.detach().double() / temperature).softmax(1).permute(0, 2, 3, 1)


def test_distillation_by_hand():
    # Two positions of two classes. At the first the teacher says 3/4, the student 1/2; at the second both say 1/2.
    teacher, student = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    teacher[0, 0, 0, 0] = 2 * math.log(3)
    divergence = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert distillation(student, teacher, temperature=2).item() == pytest.approx(2**2 * divergence / 2, rel=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_distillation_is_torchs_divergence_and_its_gradient_the_difference(batch, temperature):
    student, teacher = batch[0], 3 * batch[0].detach().flip(1)
    loss = distillation(student, teacher, temperature=temperature)
    guess, truth = softened(student, temperature), softened(teacher, temperature)
    expected = temperature**2 * F.kl_div(guess.log(), truth, reduction="sum") / 60
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    difference = (temperature * (guess - truth) / 60).permute(0, 3, 1, 2)
    torch.testing.assert_close(student.grad.double(), difference, rtol=1e-4, atol=1e-7)


def test_who_agrees_with_the_teacher_has_nothing_to_learn(batch):
    student = batch[0]
    shifted = student.detach() + torch.randn(2, 1, 5, 6)  # the same probabilities
    loss = distillation(student, shifted, temperature=2)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6) and student.grad.abs().max() < 1e-7


@pytest.mark.parametrize(("down", "across"), [(2, 2), (2, 1), (1, 2)])
def test_a_teacher_of_another_output_stride_is_resized_with_aligned_corners(down, across):
    generator = torch.Generator().manual_seed(1)
    fine = torch.randn(2, 4, 5, 5, generator=generator)
    coarse = fine[..., ::down, ::across]
    student = torch.randn(coarse.shape, generator=generator)
    assert distillation(student, fine, temperature=2).item() == pytest.approx(
        distillation(student, coarse, temperature=2).item(), rel=1e-5
    )
    assert distillation(coarse, fine, temperature=2).item() == pytest.approx(0, abs=1e-6)


def test_parts_of_a_distillation_average_to_the_batch(batch):
    student, teacher = batch[0].detach(), batch[0].detach().flip(1)
    parts = [distillation(student[n : n + 1], teacher[n : n + 1], temperature=2).item() for n in (0, 1)]
    assert sum(parts) / 2 == pytest.approx(distillation(student, teacher, temperature=2).item(), rel=1e-5)


def test_distillation_of_certain_and_half_precision_logits_is_finite():
    certain_teacher = torch.tensor([1e4, -1e4], dtype=torch.bfloat16).view(1, 2, 1, 1)
    loss = distillation(-certain_teacher, certain_teacher, temperature=1)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(2e4, rel=0.01)


@pytest.mark.parametrize("taught", [False, True])
@pytest.mark.parametrize("parts", [1, 2])
def test_the_parts_of_a_batch_add_up_to_the_weighted_sum_of_its_terms(batch, parts, taught):
    logits, labels = batch[0].detach(), some_ignored(batch[1])
    weights = torch.tensor([1.0, 2.0, 0.5, 1.0])
    small, teacher = logits[..., ::2, ::2], logits.flip(1)[..., ::2, ::2]
    config = TrainConfig(jaccard=0.7, teacher="a", teacher_weight=0.3, temperature=2, batch_size=2, accumulate=parts)
    totals = Totals(2, labelled_pixels(labels, weights), jaccard_sums(logits, labels) if parts > 1 else None)
    found = 0.0
    for part in torch.arange(2).chunk(parts):
        given = {"small": small[part], "taught": teacher[part] if taught else None}
        found += part_loss(config, logits[part], labels[part], totals=totals, class_weights=weights, **given).item()
    expected = cross_entropy(logits, labels, weights=weights) + 0.7 * soft_jaccard(logits, labels)
    if taught:
        expected = expected + 0.3 * distillation(small, teacher, temperature=2)
    assert found == pytest.approx(expected.item(), rel=1e-5)
