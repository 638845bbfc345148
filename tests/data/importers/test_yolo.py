"""YOLO segmentation, in the layouts of Ultralytics and of Roboflow."""

import pytest

from segkit.base.errors import DataError
from segkit.data.importers.rules import Rules

NAMES = "names:\n  0: cat\n  1: dog\n"


def test_polygons_smaller_over_larger(bench):
    bench.picture("images/a.png", 10, 8)
    bench.write("data.yaml", NAMES)
    bench.write("labels/a.txt", "1 0.2 0.25 0.39 0.25 0.39 0.49 0.2 0.49\n0 0 0 0.5 0 0.5 0.5 0 0.5\n\n")
    report = bench.run("yolo")
    assert list(report["classes"]) == ["background", "cat", "dog"]
    # Corners are cut to whole pixels and belong to the object, as in Ultralytics' polygon2mask.
    top = [[1, 1, 1, 1, 1, 1, 0, 0, 0, 0]] * 2
    middle = [[1, 1, 2, 2, 1, 1, 0, 0, 0, 0]] * 2
    assert bench.label("a") == top + middle + [[1] * 6 + [0] * 4] + [[0] * 10] * 3


@pytest.mark.parametrize(
    ("places", "description"),
    [
        (("images/train/a", "images/val/b"), "path: ../datasets/x\ntrain: images/train\nval: images/val\n"),
        (("train/images/a", "valid/images/b"), "train: ../train/images\nval: ../valid/images\n"),
        (("images/one/a", "images/two/b"), "train: [images/one]\nval: [./images/two]\n"),
        (("images/a", "images/b"), "train: lists/t.txt\nval: lists/v.txt\n"),
        (("images/train/a", "images/val/b"), ""),
    ],
)
def test_splits(bench, places, description):
    for place in places:
        bench.picture(f"{place}.png")
        bench.write(place.replace("images", "labels") + ".txt", "0 0 0 1 0 1 1\n")
    bench.write("data.yaml", description + "names: [cat, dog]\n")
    bench.write("lists/t.txt", "./images/a.png\n")
    bench.write("lists/v.txt", "./images/b.png\n")
    report = bench.run("yolo")
    first, second = ("one_a", "two_b") if "one" in places[0] else ("a", "b")
    assert (bench.out / "train.txt").read_text() == f"{first}.png\n"
    assert (bench.out / "val.txt").read_text() == f"{second}.png\n"
    assert not report["split_by_chance"]


def test_a_picture_without_labels_is_background(bench):
    bench.picture("images/a.png")
    bench.picture("images/b.png")
    bench.write("data.yaml", NAMES)
    bench.write("labels/a.txt", "")
    bench.picture("images/c.png")
    bench.write("labels/c.txt", "0 0 0 1 0 1 1\n")
    report = bench.run("yolo")
    assert bench.label("a") == bench.label("b") == [[0] * 6] * 4
    assert [note["file"] for note in report["notes"]] == ["images/b.png"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 0.5 0.5 0.2 0.2", "is a box"),
        ("0 0 0 1 1", "is a box"),
        ("7 0 0 1 0 1 1", "the class 7, which has no name"),
        ("0 0 0 1 0 1", "6 numbers"),
        ("0 10 10 50 10 50 50", "corners in pixels or percent (50)"),
        ("0 0 0 1 0 1 1 1", "8 numbers"),
        ("0 0 0 1 0 1 nan", "no number"),
        ("0 0 0 1 0 1 x", "line 1 is not a class and a polygon"),
        ("inf 0 0 1 0 1 1", "line 1 is not a class and a polygon"),
    ],
)
def test_wrong_lines_leave_their_picture_out(bench, line, reason):
    for name in "ab":
        bench.picture(f"images/{name}.png")
    bench.write("data.yaml", NAMES)
    bench.write("labels/a.txt", line)
    bench.write("labels/b.txt", "0 -0.9 -1 1.3 0 1.5 1.5\n")
    report = bench.run("yolo")
    assert bench.names() == ["b.png"]
    assert reason in report["skipped"][0]["reason"]


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("train: x\n", "no data.yaml with the `names`"),
        ("names: cat\n", "neither a list nor numbers"),
        ("names: {a: b}\n", "neither a list nor numbers"),
        ("names: [\n", "not plain YAML"),
        ("names: !!python/object/apply:os.system [ls]\n", "not plain YAML"),
        ("names: ['']\n", "a class is called ''"),
    ],
)
def test_wrong_descriptions(bench, description, message):
    bench.picture("images/a.png")
    bench.write("labels/a.txt", "")
    bench.write("data.yaml", description)
    with pytest.raises(DataError, match=message):
        bench.run("yolo")


def test_no_label_file_at_all(bench):
    bench.picture("images/a.png")
    bench.write("data.yaml", NAMES)
    with pytest.raises(DataError, match="no label file beside a picture"):
        bench.run("yolo")


@pytest.mark.parametrize("file", ["classes.txt", "data/obj.names"])
def test_names_in_a_plain_list(bench, file):
    bench.picture("images/a.png")
    bench.write("labels/a.txt", "1 0 0 1 0 1 1 0 1\n")
    bench.write(file, "cat\ndog\n")
    assert list(bench.run("yolo")["classes"]) == ["background", "cat", "dog"]
    assert bench.label("a") == [[2] * 6] * 4


def test_names_with_keys_that_are_text(bench):
    bench.picture("images/a.png")
    bench.write("labels/a.txt", "1 0 0 1 0 1 1 0 1\n")
    bench.write("data.yaml", 'names: {"0": cat, "1": dog}\n')
    assert list(bench.run("yolo")["classes"]) == ["background", "cat", "dog"]


def test_boxes_are_filled_where_that_is_asked_for(bench):
    bench.picture("images/a.png", 10, 8)
    bench.write("data.yaml", NAMES)
    bench.write("labels/a.txt", "0 0.3 0.25 0.4 0.25\n")
    bench.run("yolo", rules=Rules(boxes="fill"))
    assert bench.label("a") == [[0] * 10] + [[0] + [1] * 5 + [0] * 4] * 3 + [[0] * 10] * 4


def test_a_folder_that_is_for_training_and_for_validation_says_nothing(bench):
    for name in "abcde":
        bench.picture(f"images/{name}.png")
        bench.write(f"labels/{name}.txt", "0 0 0 1 0 1 1\n")
    bench.write("data.yaml", f"train: images\nval: images\n{NAMES}")
    report = bench.run("yolo")
    assert report["splits"] == {"train": 4, "val": 1} and report["split_by_chance"]
    assert any("images/ is in two splits" in sentence for sentence in report["said"])
