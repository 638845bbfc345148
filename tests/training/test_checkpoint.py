"""The folder of a run: who may begin, who may go on, and what comes back."""

import json

import pytest
import torch
import yaml

from segkit.base.errors import ConfigError, OutputError, WeightsError
from segkit.models.build import build_network
from segkit.training.checkpoint import RunFolder
from segkit.training.optimizer import build_optimizer
from segkit.training.progress import Progress


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "runs/one")


def parts(seed: int = 0, classes: str = "ab"):
    torch.manual_seed(seed)
    model, ema = (build_network("mobilenet_v2", classes=classes, aspp=False, options={"width": 0.1}) for _ in range(2))
    model.to(memory_format=torch.channels_last)
    return model, ema, build_optimizer(model, lr=0.1, momentum=0.9, weight_decay=0)


def learn(model, optimizer) -> None:
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()


def momenta(model, optimizer):
    return [optimizer.state[parameter]["momentum_buffer"] for parameter in model.parameters()]


def test_a_new_run_writes_its_recipe_and_versions(folder, recipe):
    config = recipe(lr=0.125, scales=(0.5, 1))
    folder.begin(config, resume=False)
    assert yaml.safe_load(folder.config.read_text()) == config.model_dump(mode="json")
    versions = json.loads((folder.path / "versions.json").read_text())
    assert versions["torch"] == torch.__version__ and versions["segkit"] and versions["threads"] >= 1


def test_a_folder_in_use_is_refused(folder, recipe):
    folder.path.mkdir(parents=True)
    (folder.path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"one: is not empty: give another --out, or --resume"):
        folder.begin(recipe(), resume=False)
    assert [path.name for path in folder.path.iterdir()] == ["notes.txt"]


def test_resuming_where_there_is_no_run_makes_no_folder(folder, recipe):
    with pytest.raises(OutputError, match="one: holds no run to resume: leave out --resume to start one"):
        folder.begin(recipe(), resume=True)
    assert not folder.path.exists()


def test_a_folder_that_cannot_be_made(tmp_path, recipe):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file/below", tmp_path / "file"):
        with pytest.raises(OutputError, match=r"cannot be written to \(.*\): choose another folder"):
            RunFolder(path).begin(recipe(), resume=False)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"lr": 0.1}, {"lr": 0.2}, "train.lr=0.1, not 0.2"),
        ({}, {"seed": 1}, "train.seed=0, not 1"),
        ({}, {"ema": 0.9}, "train.ema=0.0, not 0.9"),
        ({}, {"model": {"aspp": True}}, "model.aspp=False, not True"),
        ({}, {"data": {"ignore": [255, 3]}}, r"data.ignore=255, not \[255, 3\]"),
        ({"data": {"mapping": {7: 1}}}, {}, "data.mapping.7=1, not None"),
        ({"data": {"mapping": {7: 1}}}, {"data": {"mapping": {7: 2}}}, "data.mapping.7=1, not 2"),
        ({}, {"data": {"mapping": {7: 1}}}, "data.mapping.7=None, not 1"),
    ],
)
def test_resuming_with_another_recipe_names_the_key(folder, recipe, before, after, told):
    folder.begin(recipe(**before), resume=False)
    with pytest.raises(OutputError, match=f"one: was begun with {told}: resume with the same recipe, or start"):
        folder.begin(recipe(**after), resume=True)
    assert yaml.safe_load(folder.config.read_text()) == recipe(**before).model_dump(mode="json")


def test_what_does_not_change_the_result_may_change(folder, recipe):
    folder.begin(recipe(), resume=False)
    folder.begin(recipe(workers=3, log_every=7, tensorboard=True, device="auto"), resume=True)
    assert yaml.safe_load(folder.config.read_text())["train"]["workers"] == 3


def test_a_recipe_of_a_time_before_a_key_was_there(folder, recipe):
    folder.begin(recipe(), resume=False)
    values = yaml.safe_load(folder.config.read_text())
    del values["train"]["jaccard"]
    folder.config.write_text(yaml.safe_dump(values))
    folder.begin(recipe(), resume=True)
    folder.config.write_text("train: [")
    with pytest.raises(ConfigError, match=r"config.yaml: is not plain YAML"):
        folder.begin(recipe(), resume=True)


def test_the_state_comes_back_to_the_bit(folder):
    model, ema, optimizer = parts()
    learn(model, optimizer)
    model.backbone.stem.norm.running_mean += 0.3
    progress = Progress(7, 1 / 3, 2, {"scale": 1024.0, "_growth_tracker": 5})
    folder.save_state(progress, model, ema, optimizer)

    other, other_ema, other_optimizer = parts(seed=1)
    assert folder.load_state(other, other_ema, other_optimizer) == progress
    for one, two in ((model, other), (ema, other_ema)):
        assert all(torch.equal(two.state_dict()[name], value) for name, value in one.state_dict().items())
    for buffer, restored, parameter in zip(
        momenta(model, optimizer), momenta(other, other_optimizer), other.parameters(), strict=True
    ):
        assert torch.equal(buffer, restored) and restored.stride() == parameter.stride()


def test_a_run_that_saved_nothing_begins_at_the_beginning(folder):
    assert folder.load_state(*parts()) == Progress(0, None, 0, {})


def test_a_state_of_an_older_segkit_has_no_scaler(folder, monkeypatch):
    model, ema, optimizer = parts()
    old = {"iteration": 3, "best_miou": 0.5, "skipped": 0}
    monkeypatch.setattr("segkit.training.checkpoint.asdict", lambda progress: old)
    folder.save_state(Progress(), model, ema, optimizer)
    assert folder.load_state(*parts()) == Progress(3, 0.5, 0, {})


def test_a_state_that_does_not_fit(folder):
    model, ema, optimizer = parts()
    folder.save_state(Progress(), model, None, optimizer)
    for wrong in (parts(classes="abc"), parts()):  # other classes; no moving average in the file
        with pytest.raises(WeightsError, match=r"state.safetensors: is not the state of this run"):
            folder.load_state(*wrong)
    folder.state.write_bytes(folder.state.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"state.safetensors: is broken"):
        folder.load_state(model, ema, optimizer)


def test_metrics_are_plain_json_and_forget_what_comes_again(folder):
    folder.path.mkdir(parents=True)
    for iteration in range(1, 6):
        folder.log(iteration=iteration, loss=float("nan") if iteration == 2 else 0.5, val_iou=[0.5, float("nan")])
    with folder.metrics.open("a") as file:
        file.write('{"iteration": 3, "lo')
    folder.forget_after(3)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    lines = [json.loads(line, parse_constant=refuse) for line in folder.metrics.read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3]
    assert lines[1] == {"iteration": 2, "loss": None, "val_iou": [0.5, None]}
    folder.metrics.unlink()
    folder.forget_after(3)
    assert folder.metrics.read_text() == ""


def test_metrics_that_cannot_be_written(folder):
    with pytest.raises(OutputError, match=r"metrics.jsonl: cannot be written"):
        folder.log(iteration=1)
