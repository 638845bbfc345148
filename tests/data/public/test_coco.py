"""COCO as VOC's classes: exact on tiny outlines, whole from a server, right on real pictures, and trained on."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as rle

from segkit.base.errors import DataError
from segkit.base.label_files import read_label
from segkit.base.labels import IGNORE, VOC_CLASSES
from segkit.data.public import coco
from segkit.data.public.archive import Depot
from segkit.data.public.coco_voc import CocoInstances, convert
from segkit.recipe.build import open_dataset
from segkit.recipe.config import FolderConfig
from segkit.recipe.reading import load_config
from tests.base.server import Server
from tests.command import run
from tests.data.public import archives as made

RECIPE = Path(__file__).parents[3] / "configs/coco_mobilenet_v2.yaml"
PERSON, MOTORCYCLE, AIRPLANE, TRUCK, COUCH, TV = 1, 4, 5, 8, 18, 21  # as `coco_json` numbers them
SIDE = 60


def _quiet(*_: object) -> None:
    pass


def _box(x: int, y: int, width: int, height: int) -> list[list[float]]:
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


def _note(image: int, category: int, outline: object, area: float, *, crowd: int = 0) -> dict:
    entry = {"image_id": image, "category_id": category, "segmentation": outline, "area": area, "iscrowd": crowd}
    return {**entry, "bbox": [0, 0, 1, 1]}


def _image(number: int, **other: object) -> dict:
    return {"id": number, "file_name": f"{number:012}.jpg", "height": SIDE, "width": SIDE, **other}


def _write(path: Path, images: list[dict], notes: list[dict]) -> Path:
    numbered = [{"id": number, **note} for number, note in enumerate(notes, 1)]
    path.write_bytes(made.coco_json(images, numbered))
    return path


def _labels(path: Path) -> dict[str, np.ndarray]:
    instances = CocoInstances(path)
    return {picture.stem: instances.label(picture) for picture in instances.pictures()}


def test_classes_unions_and_overlaps(tmp_path: Path) -> None:
    notes = [
        _note(7, COUCH, _box(0, 0, 40, 40), 1600),
        _note(7, COUCH, _box(20, 20, 40, 40), 1600),  # one class: a union
        _note(7, PERSON, _box(0, 0, 10, 10), 100),  # two classes: 255
        _note(7, TV, _box(0, 0, 5, 5), 25),  # and a third on top stays 255
        _note(7, TRUCK, _box(0, 50, 10, 10), 9999),  # no class of VOC's: neither drawn nor counted
        _note(7, AIRPLANE, _box(50, 0, 10, 5) + _box(50, 10, 10, 5), 100),  # one object in two pieces
    ]
    expected = np.zeros((SIDE, SIDE), np.uint8)
    expected[:40, :40] = expected[20:, 20:] = VOC_CLASSES.index("sofa")
    expected[:10, :10] = IGNORE
    expected[:5, 50:] = expected[10:15, 50:] = VOC_CLASSES.index("aeroplane")
    found = _labels(_write(tmp_path / "x.json", [_image(7)], notes))
    np.testing.assert_array_equal(found["000000000007"], expected)


def test_crowds_are_drawn(tmp_path: Path) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[10:50, 5:45] = 1
    runs = np.flatnonzero(np.diff(np.concatenate([[0], mask.T.ravel(), [0]]))).tolist()  # down the columns
    counts = np.diff([0, *runs, mask.size]).tolist()
    packed = rle.encode(np.asfortranarray(mask))
    for counted in (counts, packed["counts"].decode()):
        crowd = {"counts": counted, "size": [SIDE, SIDE]}
        note = _note(7, MOTORCYCLE, crowd, 1600, crowd=1)
        found = _labels(_write(tmp_path / "x.json", [_image(7)], [note]))
        np.testing.assert_array_equal(found["000000000007"], mask * VOC_CLASSES.index("motorbike"))


def test_pictures_with_more_than_1000_pixels_are_taken(tmp_path: Path) -> None:
    images = [_image(number) for number in (5, 4, 3, 2, 1)]
    outline = _box(0, 0, 30, 30)
    notes = [
        _note(1, PERSON, outline, 1000),
        _note(2, PERSON, outline, 1000.5),
        _note(3, PERSON, outline, 600),
        _note(3, TV, outline, 600),
        _note(4, PERSON, outline, 600),
        _note(4, TRUCK, outline, 600),
    ]
    path = _write(tmp_path / "x.json", images, notes)
    assert list(_labels(path)) == ["000000000002", "000000000003"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image, note: image.update(file_name="../../x.jpg"), "no plain name"),
        (lambda image, note: image.update(file_name="/etc/x.jpg"), "no plain name"),
        (lambda image, note: image.update(height=10**6, width=10**6), "1000000x1000000 pixels"),
        (lambda image, note: image.update(height="60"), "60x60 pixels"),
        (lambda image, note: image.pop("width"), "'width' is missing"),
        (lambda image, note: note.pop("area"), "'area' is missing"),
        (
            lambda image, note: note.update(segmentation=[[0, 0, 1e9, 0, 1e9, 1e9]]),
            "annotation 1 of 0+7.jpg: a polygon is far outside",
        ),
        (lambda image, note: note.update(segmentation=[[0, 0, 1]]), "annotation 1 of 0+7.jpg: a polygon is not"),
        (lambda image, note: note.update(segmentation=[[0, float("nan")] * 3]), "a corner that is no number"),
        (lambda image, note: note.update(segmentation=None), "annotation 1"),
        (
            lambda image, note: note.update(segmentation={"counts": [1, 2], "size": [SIDE, SIDE]}),
            r"run lengths \(RLE\) cover 3 pixels",
        ),
        (
            lambda image, note: note.update(segmentation={"counts": [9], "size": [3, 3]}),
            r"an object is of \[3, 3\] pixels",
        ),
        (
            lambda image, note: note.update(segmentation={"counts": "1", "size": [SIDE, SIDE]}),
            "annotation 1 of .* cover 1 pixels",
        ),
    ],
)
def test_broken_annotations(tmp_path: Path, change: Callable[[dict, dict], object], words: str) -> None:
    image, note = _image(7), _note(7, PERSON, _box(0, 0, 40, 40), 1600)
    change(image, note)
    path = _write(tmp_path / "x.json", [image], [note])
    with pytest.raises(DataError, match=words) as caught:
        _labels(path)
    assert "x.json" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_no_instances(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(DataError, match="cannot be read"):
        CocoInstances(path)
    for content, words in (
        (b"{", "is no JSON"),
        (b"[]", "not as its tool writes it"),
        (b'{"categories": []}', "cannot be told"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=words):
            CocoInstances(path)
    with pytest.raises(DataError, match="has no picture with more than 1000 pixels"):
        convert(CocoInstances(_write(path, [_image(7)], [])), tmp_path / "labels", tmp_path / "x.txt", _quiet)


@pytest.fixture
def offered(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three archives, each with a picture that is taken (numbers 1, 2) and one that is not (11, 12)."""
    annotations = {"annotations/captions_train2017.json": b"{}"}
    sources = {}
    for number, split in enumerate(("train", "val"), 1):
        images = [_image(number), _image(10 + number)]
        notes = [{"id": 1, **_note(number, TV, _box(0, 0, 40, 40), 1600)}]
        annotations[f"annotations/instances_{split}2017.json"] = made.coco_json(images, notes)
        pictures = {f"{split}2017/{image['file_name']}": made.jpeg(SIDE) for image in images}
        sources[split] = made.offer(server, f"{split}2017.zip", made.zipped({f"{split}2017/": b"", **pictures}))
    monkeypatch.setattr(coco, "PICTURES", sources)
    monkeypatch.setattr(coco, "ANNOTATIONS", made.offer(server, coco.ANNOTATIONS.name, made.zipped(annotations)))
    monkeypatch.setattr(coco, "UNPACKED", 0)


def test_made_whole_and_done_twice_does_nothing(server: Server, offered: None, tmp_path: Path, depot: Depot) -> None:
    names = ["annotations_trainval2017.zip", "train2017.zip", "val2017.zip"]
    assert [source.name for source in depot.missing(coco.lacking(depot))] == names
    server.pages["mirror0/train2017.zip"].cuts = [50]
    obtained = coco.get(depot)
    assert obtained.changed and list(obtained.figures.values()) == [1, 1]
    kept = sorted(str(path.relative_to(obtained.folder)) for path in obtained.folder.rglob("*") if path.is_file())
    assert kept == [
        "annotations/instances_train2017.json",
        "annotations/instances_val2017.json",
        "train2017/000000000001.jpg",
        "val2017/000000000002.jpg",
        "voc/train.txt",
        "voc/train/000000000001.png",
        "voc/val.txt",
        "voc/val/000000000002.png",
    ]
    requests = len(server.requests)
    again = coco.get(depot)
    assert not again.changed and again.figures == obtained.figures and depot.missing(coco.lacking(depot)) == []
    assert len(server.requests) == requests == 4

    recipe = load_config(RECIPE, [f"data.root={obtained.folder}"])
    assert isinstance(recipe.data, FolderConfig)
    for split in ("train", "val"):
        dataset = open_dataset(recipe.data, split)
        assert len(dataset) == 1 and dataset.classes == VOC_CLASSES
        assert np.count_nonzero(dataset[0].label == VOC_CLASSES.index("tvmonitor")) == 1600
    (obtained.folder / "voc/val/000000000002.png").unlink()
    with pytest.raises(DataError, match=r"voc/val holds no \.png file.*; or move .*voc away, and it is made again"):
        coco.get(depot)


def test_pictures_that_are_there_are_taken(server: Server, offered: None, tmp_path: Path, depot: Depot) -> None:
    folder = tmp_path / "coco2017"
    for split in ("train", "val"):
        (folder / f"{split}2017").mkdir(parents=True)
        (folder / f"{split}2017" / f"{'1' if split == 'train' else '2':0>12}.jpg").write_bytes(made.jpeg(SIDE))
    assert list(coco.get(depot).figures.values()) == [1, 1]
    assert [request[0] for request in server.requests] == ["mirror0/annotations_trainval2017.zip"]


def test_a_folder_of_other_pictures_is_told(offered: None, tmp_path: Path, depot: Depot) -> None:
    (tmp_path / "coco2017/train2017").mkdir(parents=True)
    with pytest.raises(
        DataError, match=r"train2017 lacks 1 of the 1 pictures with VOC's classes, such as 000000000001\.jpg: move"
    ):
        coco.get(depot)


def test_real_pictures_against_a_drawing_of_our_own(shared: Path) -> None:
    """Each object decoded alone and the claims of classes counted: another way to the same map."""
    path = shared / "data/coco/annotations/instances_train2017.json"
    instances = CocoInstances(path)
    pictures = {picture.image["id"]: picture for picture in instances.pictures()}
    content = json.loads(path.read_bytes())
    assert (len(pictures), len(content["images"])) == (126, 160)
    assert np.count_nonzero(instances.label(pictures[425989])) == 1359
    names = {entry["id"]: entry["name"] for entry in content["categories"]}
    crowds = [entry["image_id"] for entry in content["annotations"] if entry["iscrowd"]]
    for number in [*pictures][::18] + [number for number in crowds if number in pictures]:
        picture = pictures[number]
        height, width = picture.image["height"], picture.image["width"]
        claimed = np.zeros((21, height, width), bool)
        for entry in content["annotations"]:
            name = coco_to_voc(names[entry["category_id"]])
            if entry["image_id"] == number and name in VOC_CLASSES:
                pieces = rle.frPyObjects(entry["segmentation"], height, width)
                mask = rle.decode(pieces).reshape(height, width, -1).any(axis=2)
                claimed[VOC_CLASSES.index(name)] |= mask
        expected = np.where(claimed.sum(axis=0) > 1, IGNORE, claimed.argmax(axis=0))
        np.testing.assert_array_equal(instances.label(picture), expected)


def coco_to_voc(name: str) -> str:
    table = {"tv": "tvmonitor", "couch": "sofa", "airplane": "aeroplane", "motorcycle": "motorbike"}
    return table.get(name, name.replace("potted plant", "pottedplant").replace("dining table", "diningtable"))


@pytest.mark.slow
def test_a_training_on_real_pictures(shared: Path, tmp_path: Path) -> None:
    source = shared / "data/coco"
    instances = CocoInstances(source / "annotations/instances_train2017.json")
    assert convert(instances, tmp_path / "voc/train", tmp_path / "voc/train.txt", _quiet) == 126
    (tmp_path / "train2017").symlink_to(source / "train2017")
    names = (tmp_path / "voc/train.txt").read_text().splitlines()
    (tmp_path / "voc/val.txt").write_text("\n".join(names[:4]))
    changes = [
        f"data.root={tmp_path}",
        "data.images=train2017",
        "data.labels=voc/train",
        "model.weights=null",
        "model.width=0.25",
    ]
    changes += ["train.iterations=3", "train.batch_size=2", "train.crop=65", "train.workers=0", "model.canvas=null"]
    changes += ["train.evaluate_every=3"]
    result = run("train", RECIPE, *changes, "--out", "run", cwd=tmp_path)
    assert (tmp_path / "run/best.safetensors").is_file() and "val mIoU" in result.stdout
    assert read_label(tmp_path / "voc/train/000000425989.png").max() == VOC_CLASSES.index("person")
