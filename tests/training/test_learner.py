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


@pytest.mark.parametrize("jaccard", [0, 0.5])
def test_parts_have_the_gradient_of_the_whole(start, jaccard):
    results = []
    for parts in (1, 2):
        learner = start(accumulate=parts, batch_norm="freeze", batch_size=4, jaccard=jaccard)
        learner.model.head.dropout.p = 0
        images, labels = batch(4)
        labels = torch.cat([labels[:2]] * 2)  # the parts are alike, so that the mean of their Jaccards is the whole's
        learner.step(0, torch.cat([images[:2]] * 2), labels)
        results.append(everything(learner))
    for name in results[0]:
        torch.testing.assert_close(results[0][name], results[1][name], rtol=1e-4, atol=1e-6)


def test_parts_weigh_by_their_labelled_pixels(start):
    learners = [start(accumulate=parts, batch_norm="freeze") for parts in (1, 2)]
    for learner in learners:
        learner.model.head.dropout.p = 0
    losses = [learner.step(0, *batch()).loss for learner in learners]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


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


def test_what_is_kept_without_a_moving_average(start):
    learner = start()
    learner.step(0, *batch())
    assert learner.model_to_keep() is learner.model and not learner.model.training


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
