"""A user's own folders: what is paired, what a label value becomes, and what is refused."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import ConfigError, DataError
from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, voc_palette
from segkit.base.pictures import save_picture
from segkit.data.folder import FolderDataset

CLASSES = ("ground", "thing", "other")


def _pair(root: Path, name: str, label: object, *, split: str = "train", ending: str = "jpg") -> None:
    values = np.asarray(label, np.uint8)
    folder = root / "images" / split
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", values.shape[::-1], (9, 9, 9)).save(folder / f"{name}.{ending}")
    save_label(root / "labels" / split / f"{name}.png", values, voc_palette(3))


def _open(root: Path, **options: object) -> FolderDataset:
    return FolderDataset(root, **{"split": "train", "classes": CLASSES, **options})  # type: ignore[arg-type]


def test_pairs_by_name_in_the_order_of_names(tmp_path: Path) -> None:
    for number, ending in enumerate(("jpg", "jpeg", "png", "bmp", "webp", "tif", "JPG")):
        _pair(tmp_path, f"{'gfedcba'[number]}.x", [[0, 1, 2, IGNORE]], ending=ending)
    (tmp_path / "images/train/._g.x.jpg").write_text("what a Mac leaves")
    (tmp_path / "images/train/notes.txt").write_text("no picture")
    dataset = _open(str(tmp_path))
    assert dataset.ids == ("a.x", "b.x", "c.x", "d.x", "e.x", "f.x", "g.x")
    assert dataset.classes == CLASSES
    assert dataset.palette == voc_palette(3)
    for index in range(len(dataset)):
        image, label, name = dataset[index]
        assert (image.shape, label.tolist(), name) == ((1, 4, 3), [[0, 1, 2, IGNORE]], dataset.ids[index])
    copy = pickle.loads(pickle.dumps(dataset))  # workers get it so
    assert copy[0].label.tolist() == [[0, 1, 2, IGNORE]]


def test_paths_with_and_without_split(tmp_path: Path) -> None:
    _pair(tmp_path, "a", [[0]], split="val")
    elsewhere = {"images": str(tmp_path / "images/val"), "labels": "labels/{split}"}
    assert len(_open(tmp_path, split="val", **elsewhere)) == 1
    one = tmp_path / "one"
    save_picture(one / "a.jpg", np.zeros((1, 2, 3), np.uint8))
    save_label(one / "a.png", np.ones((1, 2), np.uint8), voc_palette(2))
    dataset = _open(one, images=".", labels=".")
    assert dataset.ids == ("a",)
    assert dataset[0].label.tolist() == [[1, 1]]


def test_list_files(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        _pair(tmp_path, name, [[0]])
    (tmp_path / "lists").mkdir()
    source = tmp_path / "lists/train.txt"
    source.write_bytes(b"\xef\xbb\xbfc\r\n\r\na.jpg\r\n")
    assert _open(tmp_path, list="lists/{split}.txt").ids == ("c", "a")
    assert _open(tmp_path, list=str(source)).ids == ("c", "a")
    source.write_text("a\nx\ny\n../train/a\n")
    with pytest.raises(DataError, match=r"train\.txt names 3 of 4 pictures that are not in .*, the first is 'x'"):
        _open(tmp_path, list="lists/{split}.txt")
    source.write_text("a\nb\n")
    (tmp_path / "labels/train/b.png").unlink()
    with pytest.raises(DataError, match=r"names 1 of 2 labels that are not in .*labels/train, the first is 'b'"):
        _open(tmp_path, list="lists/{split}.txt")
    source.write_text("")
    with pytest.raises(DataError, match=r"train\.txt names no pictures"):
        _open(tmp_path, list="lists/{split}.txt")
    with pytest.raises(DataError, match=r"val\.txt cannot be read"):
        _open(tmp_path, list="lists/val.txt")


@pytest.mark.parametrize("split", ["../train", "..", "a/b", "a\\b", "", "/train", "train\n"])
def test_splits_that_are_paths_are_refused(tmp_path: Path, split: str) -> None:
    _pair(tmp_path, "a", [[0]])
    with pytest.raises(ConfigError, match="is no plain name"):
        _open(tmp_path, split=split)


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images/train cannot be read as a folder .*correct `images`"):
        _open(tmp_path / "nowhere")
    (tmp_path / "images/train").mkdir(parents=True)
    with pytest.raises(DataError, match=r"images/train holds no \.bmp or .*correct `images`"):
        _open(tmp_path)
    Image.new("RGB", (1, 1)).save(tmp_path / "images/train/a.jpg")
    with pytest.raises(DataError, match=r"labels/train cannot be read as a folder .*correct `labels`"):
        _open(tmp_path)
    (tmp_path / "labels/train").mkdir(parents=True)
    with pytest.raises(DataError, match=r"labels/train holds no \.png file"):
        _open(tmp_path)
    save_label(tmp_path / "labels/train/a_mask.png", np.zeros((1, 1), np.uint8), voc_palette(3))
    with pytest.raises(DataError, match=r"none of the 1 pictures .*\(there are a\.jpg and a_mask\.png\)"):
        _open(tmp_path)


@pytest.mark.parametrize("folder", [False, True])
def test_a_split_without_labels_can_be_predicted(tmp_path: Path, folder: bool) -> None:
    (tmp_path / "images/test").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "images/test/a.png")
    if folder:
        (tmp_path / "labels/test").mkdir(parents=True)
    with pytest.raises(DataError) as caught:
        FolderDataset(tmp_path, split="test", classes=["road"])
    assert str(caught.value).endswith(
        "correct `labels`; pictures without labels can be predicted: "
        f"segkit predict WEIGHTS {tmp_path}/images/test --out FOLDER"
    )


def test_files_without_partner_are_kept_apart(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        _pair(tmp_path, name, [[0]])
    (tmp_path / "labels/train/a.png").unlink()
    (tmp_path / "images/train/c.jpg").unlink()
    dataset = _open(tmp_path)
    assert dataset.ids == ("b",)
    assert [path.name for path in dataset.without_label] == ["a.jpg"]
    assert [path.name for path in dataset.without_picture] == ["c.png"]


def test_two_files_of_one_name(tmp_path: Path) -> None:
    _pair(tmp_path, "a", [[0]])
    _pair(tmp_path, "a", [[0]], ending="png")
    with pytest.raises(DataError, match=r"a\.jpg and a\.png have one name"):
        _open(tmp_path)


def test_what_a_value_becomes(tmp_path: Path) -> None:
    _pair(tmp_path, "a", [[0, 1, 2, 11, 12, 255]])
    read = _open(tmp_path, ignore=[11, 12])[0].label
    assert read.tolist() == [[0, 1, 2, IGNORE, IGNORE, IGNORE]]
    mapped = _open(tmp_path, ignore=11, mapping={0: 2, 1: IGNORE, 12: 0, 255: 1})[0].label
    assert mapped.tolist() == [[2, IGNORE, 2, IGNORE, 0, 1]]
    both = _open(tmp_path, ignore=[11, 12], mapping={11: 1})[0].label  # mapping before ignore
    assert both.tolist() == [[0, 1, 2, 1, IGNORE, IGNORE]]


def test_masks_of_0_and_255(tmp_path: Path) -> None:
    _pair(tmp_path, "a", [[0, 255, 255]])
    dataset = _open(tmp_path, classes=["ground", "thing"], mapping={255: 1})
    assert dataset[0].label.tolist() == [[0, 1, 1]]


def test_colour_masks(tmp_path: Path) -> None:
    colours = [[0, 0, 255], [255, 0, 0], [9, 9, 9]]
    _pair(tmp_path, "a", [[0, 0, 0]])
    path = tmp_path / "labels/train/a.png"
    save_picture(path, np.array([[[255, 0, 0], [9, 9, 9], [224, 224, 192]]], np.uint8))
    dataset = _open(tmp_path, colours=colours)
    assert dataset.palette == ((0, 0, 255), (255, 0, 0), (9, 9, 9))
    assert dataset[0].label.tolist() == [[1, 2, IGNORE]]
    assert _open(tmp_path, colours=colours, mapping={2: 0})[0].label.tolist() == [[1, 0, IGNORE]]
    with pytest.raises(DataError, match=r"a\.png is an RGB picture"):
        _open(tmp_path)[0]
    save_picture(path, np.array([[[255, 0, 0], [255, 0, 1], [9, 9, 9]]], np.uint8))
    with pytest.raises(DataError, match=r"a\.png has the colour \(255, 0, 1\)"):
        _open(tmp_path, colours=colours)[0]


def test_values_that_are_no_class(tmp_path: Path) -> None:
    _pair(tmp_path, "a", [[0, 3, 4, 5, 6, 7, 8]])
    with pytest.raises(
        DataError, match=r"a\.png holds the label values 3, 4, 5, 6, 7, \.\.\., but .*`mapping`.*`ignore`"
    ):
        _open(tmp_path)[0]
    _pair(tmp_path, "a", [[0, 1, 3]])
    with pytest.raises(DataError, match=r"a\.png holds the label value 3, but there are 3 classes \(0 to 2\)"):
        _open(tmp_path)[0]
    _pair(tmp_path, "a", [[0, 128, 255]])
    with pytest.raises(DataError, match=r"a\.png holds the label value 128 and is a mask saved to be looked at"):
        _open(tmp_path)[0]


def test_sizes_that_differ(tmp_path: Path) -> None:
    _pair(tmp_path, "a", np.zeros((2, 6)))
    save_label(tmp_path / "labels/train/a.png", np.zeros((6, 2), np.uint8), voc_palette(3))
    with pytest.raises(DataError, match=r"a\.png is 2x6 pixels, but its picture .*a\.jpg is 6x2: make the label"):
        _open(tmp_path)[0]
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.new("RGB", (2, 6)).save(tmp_path / "images/train/a.jpg", exif=exif)  # shown as 6x2, its label is not
    with pytest.raises(DataError, match=r"a\.png is 2x6 pixels, .* is 6x2 once turned as its EXIF orientation says"):
        _open(tmp_path)[0]


def test_broken_files(tmp_path: Path) -> None:
    _pair(tmp_path, "a", np.zeros((64, 64)))
    picture = tmp_path / "images/train/a.jpg"
    whole = picture.read_bytes()
    picture.write_bytes(whole[: len(whole) - 40])
    with pytest.raises(DataError, match=r"a\.jpg is broken or cut short"):
        _open(tmp_path)[0]
    picture.write_bytes(whole)
    (tmp_path / "labels/train/a.png").write_bytes(whole)
    with pytest.raises(DataError, match=r"a\.png is a JPEG file"):
        _open(tmp_path)[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": []}, "there are 0 classes: give the names of 1 to 255"),
        ({"colours": [[0, 0, 0]]}, "there are 1 `colours` for 3 classes"),
        ({"colours": [[0, 0, 0], [1, 1, 1], [0, 0, 0]]}, r"two classes have the colour \(0, 0, 0\)"),
        ({"colours": [[0, 0, 0], [1, 1, 1], [0, 0, 256]]}, "is not three numbers"),
        ({"colours": [[0, 0, 0], [1, 1, 1], [0, 0]]}, "is not three numbers"),
        ({"ignore": 300}, "values of 0 to 255, not 300"),
        ({"mapping": {-1: 0}}, "values of 0 to 255, not -1"),
        ({"mapping": {7: 3}}, "`mapping` sends 7 to 3, but the classes are 0 to 2"),
    ],
)
def test_settings_that_contradict_each_other(tmp_path: Path, options: dict[str, object], message: str) -> None:
    _pair(tmp_path, "a", [[0]])
    with pytest.raises(ConfigError, match=message):
        _open(tmp_path, **options)


def test_camvid_as_it_lies(shared: Path) -> None:
    names = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"]
    for split, count in (("train", 367), ("val", 101), ("test", 233)):
        dataset = FolderDataset(shared / "data/camvid", split=split, classes=names, ignore=11)
        assert (len(dataset), dataset.without_label, dataset.without_picture) == (count, (), ())
    image, label, _ = dataset[0]
    assert (image.shape, label.shape) == ((360, 480, 3), (360, 480))
    assert set(np.unique(label).tolist()) <= {*range(11), IGNORE}
    strict = FolderDataset(shared / "data/camvid", split="train", classes=names)
    with pytest.raises(DataError, match=r"0001TP_006690\.png holds the label value 11, but there are 11 classes"):
        strict[0]
