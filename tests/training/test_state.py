"""The state of a run: what is written comes back to the bit, and what does not fit is refused."""

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from segkit.base.errors import WeightsError
from segkit.evaluation.counts import PictureCounts
from segkit.evaluation.result import Evaluation
from segkit.models.build import build_network
from segkit.recipe.config import TrainConfig
from segkit.training.learner import Learner
from segkit.training.state import Counters, read_state, state_before, write_state

CPU = torch.device("cpu")


def learner(seed: int = 0, *, classes: str = "ab", ema: float = 0.9, network=None, **train) -> Learner:
    torch.manual_seed(seed)
    made = build_network(
        "mobilenet_v2",
        classes=classes,
        aspp=False,
        options={"width": 0.1, "padding": "tensorflow", "eps": 0.01},
        mean=(1, 2.1, 3),
        std=(4, 5, 6.1),
        canvas=49,
    )
    return Learner(TrainConfig(ema=ema, iterations=9, **train), network or made, CPU)


def step(learner: Learner) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 3, 33, 33), generator=generator, dtype=torch.uint8)
    learner.step(0, images, torch.randint(0, 2, (2, 33, 33), generator=generator, dtype=torch.uint8))


def test_all_comes_back_to_the_bit_and_the_network_is_built_from_it(tmp_path):
    one = learner()
    step(one)
    counters = Counters(7, 1 / 3, 2, 1, {"iteration": 6, "val_miou": None, "val_iou": [0.1, None], "best": True})
    write_state(tmp_path / "state", one, counters)
    state = read_state(tmp_path / "state")
    assert state.counters == counters
    network = state.build_network()
    assert network.architecture == one.model.architecture and network.canvas == 49
    assert network.classes == ("a", "b") and network.palette == one.model.palette
    assert torch.equal(network.mean, one.model.mean) and torch.equal(network.std, one.model.std)
    other = learner(seed=1, network=network)
    state.restore(other)
    before, after = one.tensors(), other.tensors()
    assert before.keys() == after.keys() and any(name.startswith("momentum.") for name in before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    for name, parameter in other.model.named_parameters():
        assert after[f"momentum.{name}"].stride() == parameter.stride()


def test_the_scale_of_float16_comes_back(tmp_path):
    one = learner(precision="fp16")
    scale = one.scaler.state_dict() | {"scale": 1024.0, "_growth_tracker": 5}
    one.scaler.load_state_dict(scale)
    write_state(tmp_path / "state", one, Counters())
    other = learner(precision="fp16")
    read_state(tmp_path / "state").restore(other)
    assert other.scaler.state_dict() == scale


def test_a_run_that_saved_nothing_has_none(tmp_path):
    assert read_state(tmp_path / "state") is None


def test_a_state_of_an_older_segkit_has_neither_scale_nor_network(tmp_path):
    one = learner()
    old = {"progress": '{"iteration": 3, "best_miou": 0.5, "skipped": 0}'}
    save_file({name: tensor.contiguous() for name, tensor in one.tensors().items()}, tmp_path / "state", old)
    state = read_state(tmp_path / "state")
    assert state.counters == Counters(3, 0.5, 0, best_score=0.5) and state.build_network() is None
    other = learner(seed=1)
    state.restore(other)
    assert other.behind is None


def test_a_network_that_segkit_cannot_build(tmp_path):
    class Other(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.classifier = torch.nn.Conv2d(3, 2, 1)
            self.classes = ("a", "b")
            self.fresh = frozenset()

    one, other = (learner(seed, network=Other()) for seed in (0, 1))
    write_state(tmp_path / "state", one, Counters(2))
    state = read_state(tmp_path / "state")
    assert state.build_network() is None
    state.restore(other)
    assert torch.equal(other.model.classifier.weight, one.model.classifier.weight)


def test_a_state_that_does_not_fit(tmp_path):
    path = tmp_path / "state"
    write_state(path, learner(ema=0), Counters())
    for wrong in (learner(classes="abc", ema=0), learner()):  # other classes; no moving average in the file
        with pytest.raises(WeightsError, match=r"state: is not the state of this run"):
            read_state(path).restore(wrong)
    tensors = load_file(path)
    for metadata in ({}, {"progress": "[1]"}, {"progress": '{"unheard": 1}'}, {"progress": '{"network": {}}'}):
        save_file(tensors, path, metadata)
        with pytest.raises(WeightsError, match=r"state: is not the state of this run"):
            read_state(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"state: is broken.*start again in another --out$") as caught:
        read_state(path)
    assert "\n" not in str(caught.value)


def test_the_state_before_is_used_where_the_newest_is_damaged(tmp_path):
    path = tmp_path / "state.safetensors"
    one = learner()
    for iteration in (1, 2, 3):
        write_state(path, one, Counters(iteration))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state.before.safetensors", "state.safetensors"]
    state = read_state(path)
    assert (state.counters.iteration, state.warning) == (3, None)

    whole = path.read_bytes()
    data = bytearray(whole)
    data[-1000] ^= 1  # a bit of a weight
    for damaged in (bytes(data), whole[: len(whole) // 2], b""):
        path.write_bytes(damaged)
        state = read_state(path)
        assert state.counters.iteration == 2
        assert state.warning.startswith(f"{path}: is broken") and str(state_before(path)) in state.warning
        state.restore(learner(seed=1))
    path.unlink()  # killed between the two renamings
    assert read_state(path).counters.iteration == 2
    path.write_bytes(b"")
    state_before(path).write_bytes(bytes(data)[:-5])
    with pytest.raises(WeightsError, match=r"state\.safetensors: is broken.*start again in another --out"):
        read_state(path)


def test_counters():
    counters = Counters()
    for taken in (True, False, False, True, False):
        counters.count(taken=taken)
    assert counters == Counters(5, None, 3, 1)

    def evaluation(right: int) -> Evaluation:
        cells = np.array([0, 1])
        return Evaluation(("a", "b"), (PictureCounts("x", cells, np.array([right, 4 - right])),), {"flip": False}, 1.0)

    assert counters.keep(evaluation(3)) and not counters.keep(evaluation(3)) and counters.keep(evaluation(4))
    assert counters.evaluation["best"] and counters.evaluation["iteration"] == 5
    assert counters.evaluation["val_protocol"] == {"flip": False}
    best = copy.copy(counters.best_miou)
    void = Evaluation(("a", "b"), (), {}, 1.0)
    assert not counters.keep(void) and counters.best_miou == best and counters.evaluation["val_miou"] is None
    assert counters.best_score == best
    first = Counters()
    assert not first.keep(void) and first.best_miou is None and first.keep(evaluation(1))


def test_the_best_is_chosen_on_the_classes_in_the_labels():
    """They are two of three: all background has the higher mIoU, as the third counts where it is predicted."""

    def evaluation(*rows: tuple[int, int, int]) -> Evaluation:
        counts = np.array(rows).reshape(-1)
        cells = np.flatnonzero(counts)
        return Evaluation(tuple("abc"), (PictureCounts("x", cells, counts[cells]),), {}, 1.0)

    background = evaluation((90, 0, 0), (10, 0, 0))
    useful = evaluation((80, 5, 5), (6, 4, 0))
    assert background.miou == pytest.approx(0.45) and useful.miou < 0.45
    counters = Counters()
    assert counters.keep(background) and counters.keep(useful) and not counters.keep(background)
    assert counters.best_miou == useful.miou and counters.best_score == pytest.approx((80 / 96 + 4 / 15) / 2)
