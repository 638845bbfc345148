"""`segkit data check` and `segkit data show`, each as a user runs it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.base.label_files import save_label
from segkit.base.labels import voc_palette
from tests.command import run

RECIPE = """data: {kind: folder, root: data, classes: [ground, thing]}
train: {crop: 65, batch_size: 2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        (tmp_path / "data/images" / split).mkdir(parents=True)
        for number in range(3):
            label = np.zeros((40, 50), np.uint8)
            label[10:30, 5:25] = 1
            Image.fromarray(rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)).save(
                tmp_path / "data/images" / split / f"{number}.png"
            )
            save_label(tmp_path / "data/labels" / split / f"{number}.png", label, voc_palette(2))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def test_check_of_a_sound_set_and_of_a_broken_one(folder: Path) -> None:
    told = run("data", "check", "recipe.yaml", "--workers", "1", cwd=folder).stdout
    assert "0 errors, 0 warnings" in told and "'train.class_weights=[0." in told and "50x40 (3)" in told
    for number in range(2):
        (folder / f"data/images/train/{number}.png").write_bytes(b"")
    (folder / "data/images/val/2.png").unlink()
    files = ["--json", "new/check.json", "--html", "new/check.html"]
    told = run("data", "check", "recipe.yaml", *files, cwd=folder, status=1).stdout
    assert "error: picture cannot be read (2)" in told and "warning: no picture (1)" in told
    assert "2 errors, 1 warning, in " in told
    found = json.loads((folder / "new/check.json").read_text())
    names = "images/train/0.png", "images/train/1.png", "labels/val/2.png"
    assert [finding["file"] for finding in found["findings"]] == [str(folder / "data" / name) for name in names]
    assert "0.png is empty (0 bytes)" in (folder / "new/check.html").read_text(encoding="utf-8")


def test_check_where_splits_do_not_open(folder: Path) -> None:
    told = run("data", "check", "recipe.yaml", "data.val_split=test", cwd=folder, status=1).stdout
    assert "error: split cannot be opened (1)" in told and f"test: {folder}/data/images/test cannot be read" in told
    refused = run("data", "check", "recipe.yaml", "data.root=nowhere", cwd=folder, status=1).stderr
    assert (
        refused.startswith("segkit: data.root: nowhere is neither in the recipe's folder") and refused.count("\n") == 1
    )
    run("data", "check", "recipe.yaml", "data.kind=other", cwd=folder, status=2)


def test_show_writes_pictures_and_crops(folder: Path) -> None:
    assert (
        "new/sheet.png (2 of 3 pictures)"
        in run("data", "show", "recipe.yaml", "--out", "new/sheet.png", "--count", "2", cwd=folder).stdout
    )
    whole = Image.open(folder / "new/sheet.png")
    told = run("data", "show", "recipe.yaml", "--augmented", "--count", "3", "--out", "crops.jpg", cwd=folder).stdout
    assert "crops.jpg (3 crops of 65 pixels)" in told
    crops = Image.open(folder / "crops.jpg")
    assert whole.width == 2 * 2 * 50 + 2 * 4 + 12 and crops.width == 2 * 2 * 65 + 2 * 4 + 12
    assert "none.gif" in run("data", "show", "recipe.yaml", "--out", "none.gif", cwd=folder, status=1).stderr


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg"])
def test_show_replaces_its_own_sheets_alone(folder: Path, name: str) -> None:
    Image.new("RGB", (3, 3)).save(folder / name)
    before = (folder / name).read_bytes()
    command = ("data", "show", "recipe.yaml", "--count", "1", "--out", name)
    assert "is not what this command writes" in run(*command, cwd=folder, status=1).stderr
    assert (folder / name).read_bytes() == before
    (folder / name).unlink()
    for _ in range(2):
        run(*command, cwd=folder)
