"""One step: what it changes, and that a bad one changes nothing."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from segkit.base.errors import ConfigError
from segkit.base.labels import IGNORE
from segkit.models.build import build_network
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.config import TrainConfig
from segkit.training import loss as module
from segkit.training.learner import Learner
from segkit.training.pace import Due

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> DeepLabV3:
    torch.manual_seed(0)
    network = build_network("mobilenet_v2", classes="abc", aspp=False, output_stride=32, options={"width": 0.1})
    network.fresh = frozenset()  # as one that was loaded
    return network


@pytest.fixture
def start(network):
    """A function that gives a learner on a copy of one network."""

    def start(**options) -> Learner:
        options = {"precision": "fp32", "lr": 0.1, "weight_decay": 0, "iterations": 10, **options}
        return Learner(TrainConfig(**options), copy.deepcopy(network), CPU)

    return start


def batch(size: int = 2, *, void: bool = False) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(size)
    images = torch.randint(0, 256, (size, 3, 33, 33), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 3, (size, 33, 33), generator=generator, dtype=torch.uint8)
    labels[0, :20] = IGNORE
    return images, torch.full_like(labels, IGNORE) if void else labels


def everything(learner: Learner) -> dict[str, Tensor]:
    """All that a step may change."""
    tensors = {f"model.{name}": tensor for name, tensor in learner.model.state_dict().items()}
    if learner.ema is not None:
        tensors |= {f"ema.{name}": tensor for name, tensor in learner.ema.state_dict().items()}
    for name, parameter in learner.model.named_parameters():
        if "momentum_buffer" in learner.optimizer.state[parameter]:
            tensors[f"momentum.{name}"] = learner.optimizer.state[parameter]["momentum_buffer"]
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    names = before.keys() | after.keys()
    return {n for n in names if n not in before or not torch.equal(before[n], after[n])}


def test_a_step_learns(start):
    learner = start()
    before = everything(learner)
    first = learner.step(0, *batch())
    assert first.taken and abs(first.loss - math.log(3)) < 0.3
    losses = [learner.step(n, *batch()).loss for n in range(1, 6)]
    # Not after one step: a residual branch starts at zero, and what is inside it learns from the second on.
    weights = {f"model.{name}" for name, _ in learner.model.named_parameters()}
    assert weights <= changed(before, everything(learner))
    assert losses[-1] < first.loss
    assert all(parameter.grad is None for parameter in learner.model.parameters())


def test_a_step_is_a_function_of_its_iteration(start):
    def loss(iteration: int) -> float:
        torch.rand(3)
        return start().step(iteration, *batch()).loss

    assert loss(3) == loss(3) != loss(4)  # dropout
    assert start(seed=1).step(3, *batch()).loss != loss(3)


@pytest.mark.parametrize("options", [{}, {"jaccard": 0.5}, {"jaccard": 1, "class_weights": (1, 0.5, 3)}])
def test_parts_have_the_loss_and_the_gradient_of_the_whole(start, options):
    results = []
    for parts in (1, 2, 4):
        learner = start(accumulate=parts, batch_norm="freeze", batch_size=4, momentum=0, **options)
        images, labels = batch(4)
        labels[1] = 0  # the parts differ, and a class is not in all of them
        labels[2:, 5:] = IGNORE
        before = everything(learner)
        loss = learner.step(0, images, labels).loss
        gradient = {name: before[name] - tensor for name, tensor in everything(learner).items()}
        results.append((loss, gradient))
    assert any(tensor.any() for tensor in results[0][1].values())
    for loss, gradient in results[1:]:
        assert loss == pytest.approx(results[0][0], rel=1e-5)
        for name, tensor in gradient.items():
            torch.testing.assert_close(tensor, results[0][1][name], rtol=1e-4, atol=1e-6)


def test_the_pass_for_the_sums_of_jaccard_moves_nothing(start):
    """The statistics are those of two parts with as many passes; a batch that is void has no loss."""
    learners = [start(accumulate=2, batch_size=4, jaccard=jaccard, lr=1e-9) for jaccard in (0, 0.5)]
    for learner in learners:
        assert learner.step(0, *batch(4)).taken
    for name, tensor in everything(learners[0]).items():
        if "running" in name or "num_batches" in name:
            assert torch.equal(tensor, everything(learners[1])[name])
    assert learners[1].step(1, *batch(4, void=True)).loss == 0


def test_dropout_of_a_picture_is_the_same_in_all_parts(start):
    """Whatever the parts and the pass; another in each slot and iteration."""
    kept: dict[int, list[Tensor]] = {}
    for parts in (1, 2):
        learner = start(accumulate=parts, batch_size=4, jaccard=1)
        learner.model.head.dropout.register_forward_hook(
            lambda layer, *_, parts=parts: kept.setdefault(parts, []).append(layer.keep)
        )
        learner.step(0, *batch(4))
        assert learner.model.head.dropout.keep is None
    whole = kept[1][0]
    assert torch.equal(torch.cat(kept[2][:2]), whole) and torch.equal(torch.cat(kept[2][2:]), whole)
    assert whole.shape == (4, 256, 2, 2) and whole.float().mean().item() == pytest.approx(0.9, abs=0.02)
    learner.step(1, *batch(4))
    masks = [*whole, *torch.cat(kept[2][4:6])]
    assert all(not torch.equal(one, other) for n, one in enumerate(masks) for other in masks[:n])


def test_batch_norm_trained_or_frozen(start):
    def statistics(learner: Learner) -> dict[str, Tensor]:
        return {name: value for name, value in everything(learner).items() if "running" in name or "num_b" in name}

    frozen = start(batch_norm="freeze")
    before = statistics(frozen)
    frozen.step(0, *batch())
    assert len(before) > 100 and not changed(before, statistics(frozen))

    learner = start(batch_norm_momentum=1.0)
    learner.step(0, *batch())
    images = batch()[0]
    x = (images.float() - learner.model.mean) / learner.model.std
    fresh = start().model.backbone.stem.conv(x)
    torch.testing.assert_close(learner.model.backbone.stem.norm.running_mean, fresh.mean((0, 2, 3)).detach())


@pytest.mark.parametrize("options", [{}, {"precision": "bf16"}, {"jaccard": 1.0}, {"class_weights": (1, 2, 3)}])
def test_one_picture_and_a_batch_without_labels(start, options):
    learner = start(**options)
    assert learner.step(0, *batch(1)).taken
    before = everything(learner)
    for size in (1, 2):
        void = learner.step(1, *batch(size, void=True))
        assert void.taken and void.loss == 0
    after = everything(learner)
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    assert changed(before, after)  # momentum goes on


def test_a_batch_without_labels_has_no_gradient(start):
    learner = start(momentum=0)
    before = everything(learner)
    learner.step(0, *batch(void=True))
    assert not {n for n in changed(before, everything(learner)) if "running" not in n and "num_batches" not in n}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_changes_nothing(start, monkeypatch, bad):
    learner = start(ema=0.9)
    learner.step(0, *batch())
    before = everything(learner)
    with monkeypatch.context() as patch:
        patch.setattr(module, "cross_entropy", lambda logits, *a, **k: logits.sum() * bad)
        outcome = learner.step(1, *batch())
    assert not outcome.taken and not math.isfinite(outcome.loss)
    assert not changed(before, everything(learner))
    assert learner.step(2, *batch()).taken


def test_activations_that_overflow_leave_the_statistics_as_they_were(start):
    learner = start()
    with torch.no_grad():
        learner.model.backbone.blocks[3].project.norm.weight.fill_(math.inf)
    before = everything(learner)
    assert not learner.step(0, *batch()).taken
    assert not changed(before, everything(learner))
    assert all(torch.isfinite(t).all() for n, t in before.items() if "running" in n)


def test_a_gradient_that_is_not_finite_changes_nothing(start):
    learner = start()
    learner.model.classifier.weight.register_hook(lambda grad: grad * math.inf)
    before = everything(learner)
    outcome = learner.step(0, *batch())
    assert not outcome.taken and math.isfinite(outcome.loss)
    assert not changed(before, everything(learner))


def test_the_moving_average_by_hand(start):
    learner = start(ema=0.9)
    name = "classifier.weight"
    average = start().model.get_parameter(name)
    for n in range(2):
        learner.step(n, *batch())
        decay = (1 + n) / (10 + n)
        average = decay * average + (1 - decay) * learner.model.get_parameter(name)
    torch.testing.assert_close(learner.ema.get_parameter(name), average)
    assert learner.model_to_keep() is learner.ema and not learner.ema.training
    assert not any(parameter.requires_grad for parameter in learner.ema.parameters())


def test_a_step_that_stands_for_several_moves_the_average_as_often(start):
    learner, name = start(ema=0.9), "classifier.weight"
    before = learner.ema.get_parameter(name).clone()
    learner.step(0, *batch(), Due(2, 3.5))
    decay = (3 / 12) ** 3.5
    torch.testing.assert_close(
        learner.ema.get_parameter(name), decay * before + (1 - decay) * learner.model.get_parameter(name)
    )


def test_what_is_kept_without_a_moving_average(start):
    learner = start()
    learner.step(0, *batch())
    assert learner.model_to_keep() is learner.model and not learner.model.training
    before = everything(learner)
    learner.step(1, *batch())
    assert any(name.endswith("running_var") for name in changed(before, everything(learner)))  # it trains again


def test_parts_that_stand_still(start):
    learner = start(freeze=("backbone", "head"))
    before = everything(learner)
    learner.step(0, *batch())
    moved = {name for name in changed(before, everything(learner)) if name.startswith("model.")}
    assert moved == {"model.classifier.weight", "model.classifier.bias"}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_one_number_that_is_none_is_found(start, bad):
    learner = start()
    learner.step(0, *batch())
    assert learner.is_finite()
    with torch.no_grad():
        learner.model.classifier.bias[1] = bad
    assert not learner.is_finite()


def test_float16_scales_its_loss_and_goes_on_after_an_overflow(start):
    learner = start(precision="fp16")
    learner.scaler.load_state_dict({**learner.scaler.state_dict(), "scale": 2.0**40})
    before = everything(learner)
    assert not learner.step(0, *batch()).taken
    assert not changed(before, everything(learner))
    assert learner.scaler.state_dict()["scale"] == 2.0**39
    learner.scaler.load_state_dict({**learner.scaler.state_dict(), "scale": 2.0**8})
    outcome = learner.step(1, *batch())
    assert outcome.taken and abs(outcome.loss - math.log(3)) < 0.3
    plain = start()
    plain.step(1, *batch())
    # The scale is taken out again.
    moved = [
        (each.model.classifier.weight - start().model.classifier.weight).norm().item() for each in (learner, plain)
    ]
    assert moved[0] == pytest.approx(moved[1], rel=0.3)


def test_learning_rates_follow_the_schedule(start):
    learner = start(head_lr=0.4, power=1, warmup=1)
    assert learner.set_learning_rate(0) == pytest.approx(0.05)
    assert sorted({group["lr"] for group in learner.optimizer.param_groups}) == pytest.approx([0.05, 0.2, 0.4])
    assert learner.set_learning_rate(5) == pytest.approx(0.05)
    assert learner.set_learning_rate(9) == pytest.approx(0.01)


def test_channels_last_and_compile(start, monkeypatch):
    assert start().model.classifier.weight.is_contiguous(memory_format=torch.channels_last)
    assert start(channels_last=False).step(0, *batch()).taken
    compiled = []

    def compile(model: nn.Module) -> nn.Module:
        compiled.append(model)
        return model

    monkeypatch.setattr(torch, "compile", compile)
    learner = start(compile=True)
    assert compiled == [learner.model] and learner.model_to_keep() is learner.model


def test_class_weights_have_to_be_as_many_as_the_classes(start):
    with pytest.raises(ConfigError, match=r"^train.class_weights has 2 weights for 3 classes: give one for each$"):
        start(class_weights=(1, 2))


def test_one_that_takes_over_goes_on_as_the_one_that_gave(start):
    first, second = start(ema=0.9), start(ema=0.9)
    first.step(0, *batch())
    second.load_tensors(first.tensors())
    assert {name for name in first.tensors() if name.startswith("momentum.")}
    for learner in (first, second):
        learner.step(1, *batch())
    assert first.tensors().keys() == second.tensors().keys()
    assert all(torch.equal(tensor, second.tensors()[name]) for name, tensor in first.tensors().items())
