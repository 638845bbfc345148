"""Pictures without labels: which are found, which are left out, and how they join those with labels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE, voc_palette
from segkit.data.check.quick import check_dataset
from segkit.data.shapes import ShapesDataset
from segkit.data.unlabelled import Joined, UnlabelledPictures

CLASSES = ("ground", "thing")


def unlabelled(folder: Path, **options) -> UnlabelledPictures:
    return UnlabelledPictures(folder, classes=CLASSES, palette=voc_palette(2), **options)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three pictures of different sizes in a folder and below it, and what is none."""
    root = tmp_path / "pictures"
    names = ("b.JPG", "a/c.png", "a/d.jpg", ".hidden.png", ".thumbnails/e.png")
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4 + number, 3), (9, 9, number)).save(root / name)
    (root / "notes.txt").write_text("no picture")
    (root / "folder.png").mkdir()
    return root


def test_every_picture_of_a_folder_and_below_it_in_order(folder):
    dataset = unlabelled(folder)
    assert list(dataset.ids) == [str(folder / name) for name in ("a/c.png", "a/d.jpg", "b.JPG")]
    assert len(dataset) == 3 and dataset.classes == CLASSES and dataset.palette == voc_palette(2)
    picture, label, name = dataset[0]
    assert picture.shape == (3, 5, 3) and picture.dtype == np.uint8 and name == str(folder / "a/c.png")
    assert label.shape == (3, 5) and label.dtype == np.uint8 and (label == IGNORE).all()


def test_pictures_that_are_known_are_left_out(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    dataset = unlabelled(folder, but=[tmp_path / "link/b.JPG", folder / "nowhere.png"])
    assert [Path(name).name for name in dataset.ids] == ["c.png", "d.jpg"] and dataset.left_out == 1
    with pytest.raises(DataError, match=r"pictures holds no picture besides the 3 of the data set: put pictures"):
        unlabelled(folder, but=folder.rglob("*.*"))


def test_folders_without_pictures(tmp_path):
    with pytest.raises(DataError, match=r"^\S+ holds no picture: put pictures there or correct `unlabelled`$"):
        unlabelled(tmp_path)
    for absent in (tmp_path / "absent", Path(__file__)):
        with pytest.raises(DataError, match=r"^\S+ is not there or no folder: correct `unlabelled`$"):
            unlabelled(absent)


def test_a_look_at_them_finds_what_cannot_be_read_and_no_other_error(folder):
    assert not [finding for finding in check_dataset(unlabelled(folder)) if finding.level == "error"]
    (folder / "b.JPG").write_text("no picture")
    (error,) = (finding for finding in check_dataset(unlabelled(folder)) if finding.level == "error")
    assert error.message.startswith(f"{folder / 'b.JPG'} is not a picture")
    with pytest.raises(DataError, match=r"b\.JPG is not a picture"):
        unlabelled(folder)[2]


def test_joined_behind_those_with_labels(folder):
    shapes = ShapesDataset("train", size=2, side=33)
    dataset = Joined(shapes, unlabelled(folder))
    assert len(dataset) == 5 and dataset.classes == shapes.classes and dataset.palette == shapes.palette
    assert list(dataset.ids[:2]) == list(shapes.ids) and dataset.ids[4] == str(folder / "b.JPG")
    np.testing.assert_array_equal(dataset[1].label, shapes[1].label)
    assert [dataset[index].name for index in range(5)] == list(dataset.ids)
    assert (dataset[2].label == IGNORE).all()
