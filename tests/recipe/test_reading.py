"""Where the paths in a recipe count from."""

import os
from pathlib import Path

import pytest

from segkit.base.errors import DataError
from segkit.recipe.build import open_dataset
from segkit.recipe.config import Config
from segkit.recipe.reading import load_config
from segkit.recipe.shipped import recipes_folder


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The folder of a recipe and the current one, which are empty."""
    for name in ("recipes", "current"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "current")
    return tmp_path / "recipes", tmp_path / "current"


def recipe_in(folder: Path, root: str = "pictures", more: str = "") -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"data: {{kind: folder, root: {root}, classes: [road, other]}}\n{more}")
    return path


def test_a_relative_root_is_that_in_the_recipes_folder_which_is_told(places):
    beside, here = places
    (beside / "pictures").mkdir()
    (here / "pictures").mkdir()
    told = []
    config = load_config("../recipes/mine.yaml" if recipe_in(beside) else "", tell=told.append)
    assert config.data.root == str(beside / "pictures")
    assert told == [f"data.root is {beside / 'pictures'}, in the recipe's folder"]
    assert load_config(recipe_in(beside, ".")).data.root == str(beside)


def test_else_it_is_that_in_the_current_folder(places):
    beside, here = places
    (here / "pictures").mkdir()
    told = []
    assert load_config(recipe_in(beside), tell=told.append).data.root == str(here / "pictures")
    assert told == []


def test_an_override_counts_from_the_current_folder(places):
    beside, here = places
    for folder in (beside / "pictures", beside / "others", here / "others"):
        folder.mkdir()
    told = []
    config = load_config(recipe_in(beside), ["data.root=others"], tell=told.append)
    assert config.data.root == str(here / "others") and told == []
    assert load_config(recipe_in(beside), ["data.root=pictures"]).data.root == str(beside / "pictures")


def test_where_it_is_in_neither_both_are_named(places):
    beside, here = places
    config = load_config(recipe_in(beside))
    assert config.data.root == "pictures"
    with pytest.raises(DataError) as caught:
        open_dataset(config.data, "train")
    assert str(caught.value) == (
        f"data.root: pictures is neither in the recipe's folder ({beside}) nor in the current one ({here}): say where "
        "it is with data.root=FOLDER"
    )


def test_one_that_was_moved_says_how_to_name_its_new_place(places):
    config = load_config(recipe_in(places[0], "/nowhere/pictures"))
    with pytest.raises(DataError, match=r"^data.root: /nowhere/pictures is not there: say .* data.root=FOLDER$"):
        open_dataset(config.data, "train")


def test_a_root_from_python_is_kept_absolute_too(places):
    (places[1] / "pictures").mkdir()
    config = Config.model_validate({"data": {"kind": "folder", "root": "pictures", "classes": ["road", "other"]}})
    assert config.plain()["data"]["root"] == str(places[1] / "pictures")


@pytest.mark.parametrize("by_path", [False, True])
def test_segkits_own_recipes_count_from_the_current_folder_alone(places, by_path):
    path = recipes_folder() / "camvid_mobilenet_v2.yaml"
    given = os.path.relpath(path) if by_path else path.stem
    with pytest.raises(DataError, match=rf"data/camvid is not in the current folder \({places[1]}\): say"):
        open_dataset(load_config(given).data, "train")
    (places[1] / "data/camvid").mkdir(parents=True)
    assert load_config(given).data.root == str(places[1] / "data/camvid")


def test_weights_beside_a_recipe_are_found_and_names_stay_names(places):
    beside, _ = places
    (beside / "mine.safetensors").touch()
    (beside / "more").mkdir()
    (beside / "imagenet").mkdir()
    train = "train: {teacher: mine.safetensors, unlabelled: more}\n"
    config = load_config(recipe_in(beside, more=train + "model: {weights: mine.safetensors}\n"))
    assert config.model.weights == config.train.teacher == str(beside / "mine.safetensors")
    assert config.train.unlabelled == str(beside / "more")
    (beside / "model.ckpt-7.index").write_bytes(b"")  # a checkpoint of TensorFlow's is meant by what its files share
    checkpoint = load_config(recipe_in(beside, more="model: {weights: model.ckpt-7}\n"))
    assert checkpoint.model.weights == str(beside / "model.ckpt-7")
    assert load_config(recipe_in(beside, more="model: {weights: imagenet}\n")).model.weights == "imagenet"
