"""Recipes by name."""

from pathlib import Path

import pytest

from segkit.base.errors import ConfigError
from segkit.recipe import shipped
from segkit.recipe.reading import load_config
from segkit.recipe.shipped import find_recipe, first_sentence, recipes_folder, shipped_recipes


def test_in_a_checkout_the_recipes_are_those_at_its_top():
    assert recipes_folder() == Path(__file__).parents[2] / "configs"
    assert not (Path(shipped.__file__).parents[1] / "configs").exists(), "a second copy would go first"
    assert list(shipped_recipes().values()) == sorted(recipes_folder().glob("*.yaml"))


def test_in_an_installed_package_they_are_inside_it(tmp_path, monkeypatch):
    (tmp_path / "segkit" / "configs").mkdir(parents=True)
    (tmp_path / "configs").mkdir()
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "segkit" / "recipe" / "shipped.py"))
    assert recipes_folder() == tmp_path / "segkit" / "configs"


def test_a_file_goes_before_a_name_and_a_name_before_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "shapes_quickstart"
    assert find_recipe(name) == recipes_folder() / f"{name}.yaml"
    Path(name).mkdir()
    assert find_recipe(Path(name)) == recipes_folder() / f"{name}.yaml"
    Path(name).rmdir()
    Path(name).write_text("data: {kind: shapes, side: 33}")
    assert load_config(name).data.side == 33


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("shapes_quikstart", "shapes_quickstart"),
        ("configs/shapes_quickstart.yaml", "shapes_quickstart"),
        ("camvid_mobilenet_v3", "camvid_mobilenet_v2 or camvid_mobilenet_v1"),
    ],
)
def test_what_is_neither_is_told_the_nearest_names(given, near, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        find_recipe(given)
    said = str(caught.value)
    assert said.startswith(f"{given}: is neither a file nor a recipe's name: did you mean ")
    assert near in said and said.endswith("? `segkit recipes` lists the names")


@pytest.mark.parametrize("given", ["qqq.yaml", "", ".", "a\0b", "x" * 5000])
def test_where_no_name_is_near_none_is_named(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="neither a file nor a recipe's name: `segkit recipes` lists the names"):
        load_config(given)


def test_first_sentence(tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("# From a.yaml on,\n# at 0.5. And more.\n#\n#   segkit train r\ndata: {}\n")
    assert first_sentence(recipe) == "From a.yaml on, at 0.5."
    recipe.write_text("# No stop\ndata: {}  # Here. There.\n")
    assert first_sentence(recipe) == "No stop"
    recipe.write_text("data: {}\n")
    assert first_sentence(recipe) == ""
