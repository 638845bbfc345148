"""`segkit data shrink` as a user runs it: what it makes opens by the recipes, and nothing is left where it fails."""

import json
import sys

import pytest
import yaml

from segkit.base.label_files import save_label
from segkit.base.labels import voc_palette
from segkit.base.pictures import save_picture
from segkit.cli.main import main
from segkit.data.voc import VocDataset
from segkit.recipe.build import open_dataset
from segkit.recipe.reading import load_config
from tests.data.test_shrink import draw


@pytest.fixture
def shrink(monkeypatch, tmp_path, capsys):
    """A function that runs the command in the test's folder: exit status, what it printed, what it complained of."""
    monkeypatch.chdir(tmp_path)

    def shrink(*arguments):
        monkeypatch.setattr(sys, "argv", ["segkit", "data", "shrink", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    return shrink


@pytest.fixture
def voc(tmp_path):
    """A folder with VOCdevkit in it, without SBD's pictures: two of train, one of val."""
    folder = tmp_path / "devkit" / "VOCdevkit" / "VOC2012"
    lists = {"train": ("a", "b"), "val": ("c",)}
    for seed, name in enumerate("abc"):
        picture, label = draw(90, 120, seed)
        save_picture(folder / "JPEGImages" / f"{name}.jpg", picture)
        save_label(folder / "SegmentationClass" / f"{name}.png", label, voc_palette(21))
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    for split, names in lists.items():
        (folder / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
    return tmp_path / "devkit"


def test_a_devkit_stays_one_that_the_recipes_take(shrink, voc, tmp_path):
    status, printed, _ = shrink(voc, "out", "--side", 60, "--json", "made.json")
    assert status == 0
    assert "2 made smaller: JPEGs of quality 90, the longer side at most 60" in printed
    assert "note: val is not in it, which the recipe validates on: add --as-is val" in printed
    assert not (tmp_path / "out/VOCdevkit/VOC2012/JPEGImages/c.jpg").exists()
    made = json.loads((tmp_path / "made.json").read_text())
    assert made["splits"] == {"train": 2} and made["bytes_after"] < made["bytes_before"]
    status, printed, _ = shrink(voc / "VOCdevkit/VOC2012", "VOC2012", "--side", 60, "--as-is", "val")
    assert status == 0 and "val: 1 pictures, as they are" in printed and "note" not in printed
    recipe = load_config("voc_mobilenet_v2", ["data.root=VOC2012", "data.train_split=train"])
    assert open_dataset(recipe.needed_data, "train")[0].label.shape == (45, 60)
    assert open_dataset(recipe.needed_data, "val")[0].label.shape == (90, 120)
    assert len(VocDataset(tmp_path / "out", "train")) == 2


def test_a_folder_keeps_its_recipe_wherever_it_goes(shrink, tmp_path):
    for seed, split in enumerate(("train", "train", "val")):
        picture, label = draw(90, 120, seed)
        save_picture(tmp_path / "data" / "pictures" / f"{split}{seed}.png", picture)
        save_label(tmp_path / "data" / "maps" / f"{split}{seed}.png", label, voc_palette(4))
    (tmp_path / "data" / "train.txt").write_text("train1\ntrain0\n")
    (tmp_path / "data" / "val.txt").write_text("val2\n")
    (tmp_path / "data" / "data.yaml").write_text(
        "model: {width: 0.5}\ndata: {kind: folder, root: ., images: pictures, labels: maps, list: '{split}.txt',\n"
        "  classes: [a, b, c, d], ignore: 3}\n"
    )
    assert shrink("data", "out", "--side", 60, "--as-is", "val")[0] == 0
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    recipe = load_config(tmp_path / "elsewhere" / "data.yaml")
    assert recipe.model.width == 0.5
    train, val = (open_dataset(recipe.needed_data, split) for split in ("train", "val"))
    assert list(train.ids) == ["train1", "train0"] and train[0].label.shape == (45, 60)
    assert val[0].label.shape == (90, 120) and set(train[0].label.ravel().tolist()) <= {0, 1, 2, 255}
    written = yaml.safe_load((tmp_path / "elsewhere" / "data.yaml").read_text())
    assert written["data"]["root"] == "." and "train" not in written


def test_where_it_fails_nothing_is_left(shrink, voc, tmp_path):
    (voc / "VOCdevkit/VOC2012/JPEGImages/b.jpg").write_bytes(b"cut short")
    before = sorted(tmp_path.iterdir())
    status, _, said = shrink(voc, "out")
    assert status == 1 and "b.jpg" in said and sorted(tmp_path.iterdir()) == before
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    for arguments, wanted, words in (
        ((voc, "out"), 1, "out holds something else: give a folder that is new or empty"),
        (("shapes_quickstart", "new"), 2, "drawn on the fly"),
        ((tmp_path, "new"), 1, "is no VOC 2012 and has no data.yaml"),
        ((voc, "new", "--split", "train", "--as-is", "train"), 2, "--as-is train: is to be shrunk too"),
        ((voc, "new", "--split", "all"), 2, "VOC has no split 'all'"),
    ):
        status, _, said = shrink(*arguments)
        assert status == wanted and words in said and said.count("\n") == 1
    assert not (tmp_path / "new").exists()
