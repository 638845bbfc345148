"""The grid: what is planned, and a whole small ablation on weights that are there."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from segkit.base.errors import ConfigError, WeightsError
from segkit.benchmark import ablation, estimate
from segkit.benchmark.ablation import measure_ablation, plan_ablation
from segkit.benchmark.estimate import estimate_seconds, iterations_left
from segkit.benchmark.networks import Training, load_networks, recipe_for
from segkit.benchmark.published import Network, Setting
from segkit.recipe.config import Config
from segkit.report.ablation import ablation_text
from segkit.report.sheet import markdown


def config(**ablation) -> Config:
    return Config.model_validate(
        {
            "model": {"backbone": "mobilenet_v2", "width": 0.25, "weights": "imagenet_v2"},
            "data": {"kind": "shapes", "side": 49, "val_size": 2},
            "train": {"iterations": 10, "evaluate_every": 5, "batch_size": 2, "crop": 49, "device": "cpu"},
            "ablation": ablation,
        }
    )


def save_progress(run: Path, iteration: int) -> None:
    """Make a folder what a run of so many iterations leaves."""
    run.mkdir()
    save_file({"x": torch.zeros(1)}, run / "state.safetensors", {"progress": json.dumps({"iteration": iteration})})


def test_the_whole_grid() -> None:
    plan = plan_ablation(config(backbones=["mobilenet_v1", "mobilenet_v2"]))
    assert [network.name for network in plan.networks] == [
        "mobilenet_v1",
        "mobilenet_v1_aspp",
        "mobilenet_v2_x0.25",
        "mobilenet_v2_x0.25_aspp",
    ]
    assert [setting.name for setting in plan.settings] == ["os16", "os16_mf", "os8", "os8_mf"]
    assert len(plan.cells) == 16
    assert plan.cells[5].name == "mobilenet_v1_aspp-os16_mf"


def test_switches_that_are_no_axis_stay_where_the_recipe_has_them() -> None:
    plan = plan_ablation(config(backbones=["mobilenet_v1"], output_strides=[8, 32]), ["os"])
    assert plan.networks == (Network("mobilenet_v2", False, 0.25),)
    assert plan.settings == (Setting(8, False), Setting(32, False))
    with pytest.raises(ConfigError, match="unknown axis 'stride': choose some of backbone,aspp,os,mf"):
        plan_ablation(config(), ["stride"])


def test_the_recipe_of_each_network() -> None:
    grid = config(weights={"mobilenet_v1": "imagenet_v1"})
    v1 = recipe_for(grid, Network("mobilenet_v1", aspp=True)).model
    assert (v1.backbone, v1.aspp, v1.width, v1.weights) == ("mobilenet_v1", True, None, "imagenet_v1")
    v2 = recipe_for(grid, Network("mobilenet_v2", aspp=False, width=0.25)).model
    assert (v2.backbone, v2.aspp, v2.width, v2.weights) == ("mobilenet_v2", False, 0.25, "imagenet_v2")


def test_every_network_is_trained_with_every_seed() -> None:
    grid = config(seeds=[0, 3])
    plan = plan_ablation(grid, ["aspp"])
    names = ("mobilenet_v2_x0.25", "mobilenet_v2_x0.25_aspp")
    assert [training.name for training in plan.trainings] == [f"{name}-seed{n}" for n in (0, 3) for name in names]
    assert len(plan.cells) == 2
    assert [recipe_for(grid, *training).train.seed for training in plan.trainings] == [0, 0, 3, 3]
    (only, _) = plan_ablation(config(), ["aspp"]).trainings
    assert (only.name, recipe_for(config(), *only).train.seed) == ("mobilenet_v2_x0.25", 0)


@pytest.mark.parametrize("name", ["aspp", "backbones", "output_strides", "mf", "seeds"])
def test_a_value_twice(name: str) -> None:
    values = {
        "seeds": [1, 1],
        "aspp": [True, True],
        "backbones": ["resnet101"] * 2,
        "output_strides": [8, 8],
        "mf": [False, False],
    }
    with pytest.raises(ValueError, match=f"ablation.{name} has a value twice"):
        config(**{name: values[name]})


def test_an_ablation_of_weights_that_are_there(weights, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ablation, "SECONDS", 0.0)  # a pass of each is enough
    recipe = config(output_strides=[16, 8])
    plan = plan_ablation(recipe)
    files = {Training(network): path for network, path in weights.items()}
    found = measure_ablation(recipe, plan, files, tmp_path, split="val", precision=torch.float32)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [cell["name"] for cell in found["cells"]] == [cell.name for cell in plan.cells]
    assert [effect["axis"] for effect in found["effects"]] == ["aspp", "os", "mf"]
    assert found["size"] == [49, 49]
    mf = found["effects"][2]
    assert len(mf["steps"]) == 4
    assert 10 < mf["madds_exact_ratio"] < 25
    text = markdown(ablation_text(found))
    assert "| MobileNetV2 x0.25 | 8 | yes | yes |" in text
    assert "Data: shapes, split val, 2 pictures." in text
    assert {cell["protocol"]["precision"] for cell in found["cells"]} == {"float32"}
    assert text.count("\n5. Without ASPP") == 1
    assert found["seeds"] == [] and " seeds |" not in text
    first = plan_ablation(recipe, ["aspp"])
    again = measure_ablation(recipe, first, files, tmp_path, split="val", precision=torch.float32)
    mious = {cell["name"]: cell["miou"] for cell in found["cells"]}
    assert {cell["name"]: cell["miou"] for cell in again["cells"]} == {
        cell.name: mious[cell.name] for cell in first.cells
    }
    (tmp_path / "half").mkdir()
    half = measure_ablation(recipe, first, files, tmp_path / "half", split="val", precision=torch.bfloat16)
    assert "mIoU of predictions in bfloat16, latency in float32.\n" in markdown(ablation_text(half))
    assert {cell["protocol"]["precision"] for cell in half["cells"]} == {"bfloat16"}


def test_a_file_of_another_network(weights, shapes) -> None:
    (small, path), *_ = weights.items()
    with pytest.raises(WeightsError, match=r"holds mobilenet_v2_x0.25, not mobilenet_v2_x0.25_aspp"):
        load_networks({small._replace(aspp=True): path}, (16,), shapes, canvas=None, device="cpu")


def test_the_estimate_leaves_out_what_is_done(weights, tmp_path: Path) -> None:
    recipe = config()
    recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"weights": None})})
    plan = plan_ablation(recipe, ["aspp"])
    first, second = plan.networks
    everything = estimate_seconds(recipe, plan, (), tmp_path, split="val")
    only_evaluated = estimate_seconds(recipe, plan, plan.networks, tmp_path, split="val")
    assert 0 < only_evaluated < everything
    save_progress(tmp_path / first.name, 5)
    assert iterations_left(tmp_path / first.name, 8) == 3
    assert iterations_left(tmp_path / second.name, 8) == 8


def test_the_estimate_times_the_precision_and_loads_the_teacher_once(tmp_path: Path, monkeypatch) -> None:
    precisions, teachers = [], []
    monkeypatch.setattr(estimate, "load_teacher", lambda *_: teachers.append(1))
    measured = estimate.measure_latency

    def watched(*arguments, **options):
        precisions.append(torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32)
        return measured(*arguments, **options)

    monkeypatch.setattr(estimate, "measure_latency", watched)
    recipe = config()
    recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"weights": None})})
    plan = plan_ablation(recipe, ["aspp"])
    for precision in (torch.float32, torch.bfloat16):
        estimate_seconds(recipe, plan, (), tmp_path, split="val", precision=precision)
    assert precisions == [torch.float32, torch.float32, torch.bfloat16, torch.bfloat16]
    assert len(teachers) == 2
    estimate_seconds(recipe, plan, plan.networks, tmp_path, split="val")
    for network in plan.networks:
        save_progress(tmp_path / network.name, recipe.train.iterations)
    estimate_seconds(recipe, plan, (), tmp_path, split="val")
    assert len(teachers) == 2  # nothing is left to train, with weights given or trained already
