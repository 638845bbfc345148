"""What stands still, what does not, and that a resumed run knows it."""

import pytest
import torch
from torch import nn

from segkit.base.errors import ConfigError
from segkit.models.build import build_network
from segkit.recipe.config import TrainConfig
from segkit.training.events import Event, Note, Step
from segkit.training.freezing import batch_norms, check_synchronised, freeze_parts, standing_still, still_norms
from segkit.training.learner import Learner
from segkit.training.train import train
from segkit.weights.build import build_model
from segkit.weights.files import save_model
from segkit.weights.lineage import read_lineage

CPU = torch.device("cpu")
SMALL = {"width": 0.1}
BRANCHES = [f"head.branches.{n}.norm" for n in (1, 2, 3)]


@pytest.fixture
def weights(tmp_path):
    """A file of a network without ASPP."""
    path = tmp_path / "weights.safetensors"
    network = build_network("mobilenet_v2", classes="abc", aspp=False, output_stride=32, options=SMALL)
    save_model(path, network)
    return path


def learner(weights, *, aspp: bool = False, classes: str = "abc", **train) -> Learner:
    torch.manual_seed(0)
    network = build_model(aspp=aspp, output_stride=32, classes=tuple(classes), weights=weights, options=SMALL)
    return Learner(TrainConfig(precision="fp32", lr=0.01, iterations=9, **train), network, CPU)


def three_steps(learner: Learner) -> set[str]:
    """The names of the tensors that three steps change."""
    before = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 3, 33, 33), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 3, (2, 33, 33), generator=generator, dtype=torch.uint8)
    assert all(learner.step(n, images, labels).taken for n in range(3))
    return {name for name, tensor in learner.model.state_dict().items() if not torch.equal(tensor, before[name])}


def statistics(names: list[str]) -> set[str]:
    return {f"{name}.{what}" for name in names for what in ("running_mean", "running_var", "num_batches_tracked")}


def of_norms(changed: set[str]) -> set[str]:
    return {name for name in changed if name.endswith(("running_mean", "running_var", "num_batches_tracked"))}


def test_only_fresh_statistics_are_trained_where_they_are_frozen(weights):
    made = learner(weights, aspp=True, batch_norm="freeze")
    changed = three_steps(made)
    assert of_norms(changed) == statistics(BRANCHES)
    assert "head.projection.norm.bias" in changed  # what is frozen are the statistics alone


def test_all_train_from_scratch_and_none_from_a_whole_network(weights):
    assert not of_norms(three_steps(learner(weights, batch_norm="freeze")))
    made = learner(None, batch_norm="freeze")
    assert of_norms(three_steps(made)) == statistics(list(batch_norms(made.model)))


def test_a_frozen_part_stands_still(weights):
    made = learner(weights, aspp=True, freeze=("backbone",), weight_decay=0.1, ema=0.5)
    weight = made.model.backbone.stem.conv.weight
    changed = three_steps(made)
    assert {name.partition(".")[0] for name in changed} == {"head", "classifier"}
    assert set(statistics(["head.projection.norm", *BRANCHES])) <= changed
    assert weight.grad is None and not any(name.startswith("momentum.backbone") for name in made.tensors())
    assert torch.equal(made.ema.backbone.stem.conv.weight, weight)


def test_several_parts_stand_still(weights):
    changed = three_steps(learner(weights, freeze=("head", "backbone")))
    assert {name.partition(".")[0] for name in changed} == {"classifier"}


def test_a_part_that_a_network_has_not_got():
    with pytest.raises(ConfigError, match=r"^train.freeze: the network has no part backbone: leave it out$"):
        freeze_parts(nn.ModuleDict({"head": nn.Linear(1, 1)}), ("backbone",))


def test_what_is_told(weights):
    def told(freeze: tuple = (), batch_norm: str = "freeze", **options) -> list[str]:
        made = learner(weights, **options)
        return standing_still(TrainConfig(freeze=freeze, batch_norm=batch_norm), made.model, made.fresh)

    kept = "of 54 batch norm layers stay as they are"
    assert told(batch_norm="train") == []
    assert told() == [f"the statistics of 54 {kept}"]
    fresh = "fresh, so trained: head.branches.1, head.branches.2, head.branches.3"
    assert told(aspp=True) == [f"the statistics of 54 {kept.replace('54', '57')}; {fresh}"]
    made = learner(None)
    assert standing_still(TrainConfig(batch_norm="freeze"), made.model, made.fresh) == [
        f"the statistics of 0 {kept}; fresh, so trained: backbone, head"
    ]
    freeze_parts(made.model, ["classifier"])
    assert standing_still(TrainConfig(freeze=("classifier",)), made.model, made.fresh) == [
        "classifier: 771 weights and the statistics of 0 batch norm layers stand still"
    ]
    assert len(still_norms(TrainConfig(freeze=("head",)), made.model, made.fresh)) == 3


class StopError(Exception):
    """Raised in the middle of a training."""


def test_a_resumed_run_knows_what_is_fresh(tmp_path, recipe, differing):
    start = train(recipe(model={"width": 0.1}, iterations=2), tmp_path / "start").best
    config = recipe(model={"aspp": True, "weights": str(start)}, batch_norm="freeze", freeze=("classifier",))
    notes: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)
        if isinstance(event, Step) and event.iteration == 3 and len(notes) == 2:
            raise StopError

    train(config, tmp_path / "whole")
    with pytest.raises(StopError):
        train(config, tmp_path / "cut", listen=listen)
    start.unlink()
    train(config, tmp_path / "cut", resume=True, listen=listen)
    assert notes[:2] == notes[3:] and "head.branches.1" in notes[1]
    assert read_lineage(tmp_path / "cut" / "last.safetensors").is_told  # though the weights that it began with are gone
    for name in ("last", "state"):
        assert not differing(tmp_path / f"whole/{name}.safetensors", tmp_path / f"cut/{name}.safetensors")


def test_batch_norm_of_one_process_alone_is_refused_for_several():
    ours, plain = build_network("mobilenet_v2", classes="abc", output_stride=32, options=SMALL), nn.BatchNorm2d(3)
    torchs = nn.SyncBatchNorm(3)
    for network in (ours, torchs):
        check_synchronised(TrainConfig(), network, ())
        check_synchronised(TrainConfig(batch_norm="freeze", compile=True), network, ())
        with pytest.raises(ConfigError, match=r"train\.compile"):
            check_synchronised(TrainConfig(compile=True), network, ())
    with pytest.raises(ConfigError, match="knows nothing of the other processes"):
        check_synchronised(TrainConfig(), plain, ())
    check_synchronised(TrainConfig(batch_norm="freeze"), plain, ())
