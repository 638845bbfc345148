"""What is different on a GPU: `python -m tools.gpu_check` runs it, and with --cpu on a CPU what says anything there."""

import copy
import os

import pytest
import torch
from torch import nn

from segkit.base.device import autocast
from segkit.base.ranks import Ranks, joined
from segkit.data.loader import training_batches
from segkit.data.shapes import ShapesDataset
from segkit.evaluation.evaluate import evaluate
from segkit.recipe.config import TrainConfig
from segkit.training.freezing import batch_norms
from segkit.training.learner import Learner, Outcome
from tests.training.many import tiny

pytestmark = pytest.mark.gpu


@pytest.fixture
def device() -> torch.device:
    """The GPU, or what SEGKIT_CHECK_DEVICE names."""
    device = torch.device(os.environ.get("SEGKIT_CHECK_DEVICE", "cuda"))
    if device.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    return device


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Four pictures with labels."""
    generator = torch.Generator().manual_seed(0)
    images, labels = (
        torch.randint(0, most, (4, *shape), dtype=torch.uint8, generator=generator)
        for most, shape in ((256, (3, 65, 65)), (7, (65, 65)))
    )
    return images, labels


def learner(device: torch.device, ranks: Ranks | None = None, **train) -> Learner:
    """Of the tiny network with batch norm that trains."""
    config = TrainConfig(**{"batch_size": 4, "crop": 65, "precision": "fp32", "lr": 0.02, "iterations": 20, **train})
    network = tiny()
    network.fresh = frozenset(network.state_dict())
    return Learner(config, network, device, None, *([] if ranks is None else [ranks]))


def steps(learner: Learner, batch, count: int = 3) -> list[Outcome]:
    return [learner.step(iteration, *batch) for iteration in range(count)]


class Several(Ranks):
    """Those of a group, which speak to each other even where there is one alone."""

    are_many = True


def test_processes_speak_by_nccl(device, batch, monkeypatch):
    told = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": 0, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 29533}
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("segkit.base.torchrun.size", lambda: 2)  # of one alone no group is made
    with joined(device.type) as found:
        backend = torch.distributed.get_backend_config()
        assert ("nccl" in backend) == (device.type == "cuda") and "gloo" in backend
        ranks = Several(found.rank, found.size)
        assert ranks.told(None) == [] and ranks.told("a word") == ["a word"] and ranks.first(2.5) == 2.5
        assert ranks.total(torch.tensor([1.0, 2.0], device=device)).tolist() == [1, 2]
        many, one = learner(device, ranks, jaccard=0.5), learner(device, jaccard=0.5)
        assert isinstance(next(iter(batch_norms(many.model).values())), nn.BatchNorm2d)
        for of_many, of_one in zip(steps(many, batch), steps(one, batch), strict=True):
            assert of_many.taken and of_many.loss == pytest.approx(of_one.loss, rel=1e-4)
        ranks.wait()


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_step_learns_in_half_precision(device, batch, precision):
    if device.type == "cpu" and precision == "fp16":
        pytest.skip("a CPU trains in bfloat16")
    exact, half = steps(learner(device), batch, 8), steps(learner(device, precision=precision), batch, 8)
    assert all(outcome.taken for outcome in half) and half[-1].loss < half[0].loss
    assert half[0].loss == pytest.approx(exact[0].loss, rel=0.02)


def test_a_gradient_that_is_too_large_for_float16_is_left_out_and_scaled_down(device, batch):
    if device.type == "cpu":
        pytest.skip("a CPU trains in bfloat16")
    one = learner(device, precision="fp16")
    one.scaler = torch.amp.GradScaler(device.type, init_scale=1e30)
    before = copy.deepcopy(one.model.state_dict())
    assert not one.step(0, *batch).taken
    assert one.scaler.get_scale() < 1e30
    assert all(torch.equal(tensor, before[name]) for name, tensor in one.model.state_dict().items())


def test_float32_is_no_tensorfloat(device):
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(2, 64, 17, 17, generator=generator), torch.randn(64, 64, 3, 3, generator=generator)
    with autocast(device, torch.float32):
        found = torch.conv2d(x.to(device), weight.to(device)).cpu()
    exact = torch.conv2d(x.double(), weight.double())
    assert float((found - exact).abs().max() / exact.abs().max()) < 2e-6  # TensorFloat-32 is out by 1e-4 and more


def test_deterministic_mode_gives_the_same_bits(device, batch):
    torch.use_deterministic_algorithms(True)
    try:
        runs = []
        for _ in range(2):
            one = learner(device, jaccard=0.5)
            runs.append(([outcome.loss for outcome in steps(one, batch)], one.model.state_dict()))
    finally:
        torch.use_deterministic_algorithms(False)
    (losses, first), (again, second) = runs
    assert losses == again and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("option", ["compile", "channels_last"])
def test_another_way_to_compute_is_the_same(device, batch, option):
    if option == "compile" and device.type == "cpu":
        pytest.skip("needs a C++ compiler, and a minute")
    plain, other = (
        steps(learner(device, **{"channels_last": False, "compile": False, option: on}), batch) for on in (False, True)
    )
    assert [each.loss for each in other] == pytest.approx([each.loss for each in plain], rel=1e-3)


def test_batches_are_pinned(device):
    given = {"batch_size": 2, "seed": 0, "first_iteration": 0, "iterations": 1, "workers": 0}
    data = ShapesDataset("train", size=4, side=33)
    ((images, labels),) = training_batches(data, lambda image, label, key: (image, label), **given)
    assert images.is_pinned() == labels.is_pinned() == torch.cuda.is_available()
    assert images.to(device, non_blocking=True).device.type == device.type


def test_an_evaluation_is_that_of_a_cpu(device):
    data = ShapesDataset("val", size=6, side=65)
    network = tiny().eval()
    found, expected = evaluate(copy.deepcopy(network).to(device), data), evaluate(network, data)
    assert found.protocol["device"] == device.type
    pixels = expected.confusion.counts.sum()
    assert abs(found.confusion.counts - expected.confusion.counts).sum() <= 1e-3 * pixels
