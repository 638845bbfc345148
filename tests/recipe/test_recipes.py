"""The recipes that come with segkit."""

from pathlib import Path

import pytest

from segkit.base.labels import VOC_CLASSES
from segkit.benchmark.published import NETWORKS
from segkit.recipe.reading import load_config

RECIPES = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
TWO_STAGES = sorted(path.stem.removeprefix("coco_") for path in RECIPES if path.stem.startswith("coco_"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_loads_and_its_head_tells_command_cost_and_figure(path):
    config = load_config(path)
    head = " ".join(line.lstrip("# ") for line in path.read_text().split("model:")[0].splitlines()).lower()
    name = "my_data.yaml" if path.stem == "own_data" else path.stem
    command = "ablate" if path.stem.endswith("_ablation") else "train"
    assert f"segkit {command} {name}" in head
    assert "cost" in head and ("figure" in head or "miou" in head)
    assert config.train.iterations >= config.train.evaluate_every


def test_there_is_a_recipe_for_each_task():
    names = {path.stem for path in RECIPES}
    voc = {
        f"voc_{backbone}{aspp}" for backbone in ("mobilenet_v1", "mobilenet_v2", "resnet101") for aspp in ("", "_aspp")
    }
    camvid = {f"camvid_{backbone}" for backbone in ("mobilenet_v1", "mobilenet_v2", "resnet101")}
    assert voc | camvid | {"voc_finetune", "shapes_quickstart", "own_data"} <= names
    for name in voc:
        path = next(path for path in RECIPES if path.stem == name)
        assert load_config(path).model.aspp == name.endswith("aspp")


def test_the_two_classes_of_the_template_load():
    template = next(path for path in RECIPES if path.stem == "own_data")
    overrides = ["data.classes=[background, object]", "data.mapping={255: 1}"]
    assert load_config(template, overrides).data.mapping == {255: 1}


@pytest.mark.parametrize("network", TWO_STAGES)
def test_the_second_stage_starts_from_the_first(network):
    alone, first, second = (
        load_config(RECIPES[0].with_name(f"{name}.yaml"))
        for name in (f"voc_{network}", f"coco_{network}", f"voc_{network}_coco")
    )
    assert second.model.weights == f"runs/coco_{network}/best.safetensors"
    assert alone.model.weights == first.model.weights == "imagenet"
    for stage in (first, second):  # the network and its training are those of VOC alone, but for how long
        assert stage.model.model_dump(exclude={"weights"}) == alone.model.model_dump(exclude={"weights"})
        longer = {"iterations", "evaluate_every"}
        assert stage.train.model_dump(exclude=longer) == alone.train.model_dump(exclude=longer)
    assert first.data.classes == VOC_CLASSES and second.data == alone.data


def test_there_are_two_stages_of_each_network_of_the_table():
    assert sorted(name for name, network in NETWORKS.items() if network.width == 1) == TWO_STAGES
