"""COCO instances, as `pycocotools` reads and writes them."""

import json

import numpy as np
import pytest
from pycocotools import mask as api

from segkit.base.errors import DataError
from segkit.data.importers.drawing import coco_counts, runs_mask

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def instances(bench, annotations, *, images=None, categories=CATEGORIES, file="annotations/instances_train2017.json"):
    images = images or [{"id": 1, "file_name": "a.png", "width": 6, "height": 4}]
    annotations = [{"id": place, "image_id": 1, **item} for place, item in enumerate(annotations)]
    bench.write(file, json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def box(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


def test_polygons_and_runs_in_the_order_of_the_file(bench):
    bench.picture("train2017/a.png")
    below = np.zeros((4, 6), np.uint8, order="F")
    below[:2, :3] = 1
    packed = api.encode(below)
    counts = [0, 1, 3, 1, 19]  # down the columns: the first pixel of the first two columns
    instances(
        bench,
        [
            {"category_id": 3, "segmentation": [box(2, 1, 5, 3), box(0, 3, 1, 4)], "iscrowd": 0},
            {"category_id": 7, "segmentation": {"size": [4, 6], "counts": packed["counts"].decode()}, "iscrowd": 1},
            {"category_id": 7, "segmentation": {"size": [4, 6], "counts": counts}, "iscrowd": 0},
        ],
    )
    report = bench.run("coco")
    assert list(report["classes"]) == ["background", "cat", "dog"]  # in the order of their ids
    assert bench.label("a") == [[2, 2, 2, 0, 0, 0], [2, 2, 1, 1, 1, 0], [0, 0, 1, 1, 1, 0], [1, 0, 0, 0, 0, 0]]
    assert report["classes"] == pytest.approx({"background": 12 / 24, "cat": 7 / 24, "dog": 5 / 24}, abs=1e-6)
    assert (bench.out / "train.txt").read_text() == "a.png\n"


def test_agrees_with_the_coco_api_on_real_annotations(shared):
    from pycocotools.coco import COCO

    coco = COCO(str(shared / "data/coco/annotations/instances_train2017.json"))
    checked = 0
    for annotation in list(coco.anns.values())[::40] + [a for a in coco.anns.values() if a["iscrowd"]]:
        image = coco.imgs[annotation["image_id"]]
        size = image["height"], image["width"]
        packed = coco.annToRLE(annotation)["counts"]
        counts = coco_counts(packed.decode(), largest=size[0] * size[1])
        assert (runs_mask(counts, *size) == coco.annToMask(annotation)).all()
        checked += 1
    assert checked > 40


def test_pictures_are_found_where_tools_put_them(bench):
    bench.picture("images/val/a.png")
    bench.picture("images/test/b.png")
    bench.picture("train/a.png")
    for split, name in (("train", "a.png"), ("val", "images/val/a.png")):
        images = [{"id": 1, "file_name": name, "width": 6, "height": 4}]
        instances(
            bench, [{"category_id": 3, "segmentation": [box(0, 0, 6, 4)]}], images=images, file=f"{split}/_a.coco.json"
        )
    report = bench.run("coco")
    assert report["pictures"] == {
        "a.png": str(bench.src / "train/a.png"),
        "images_val_a.png": str(bench.src / "images/val/a.png"),
    }
    assert (bench.out / "val.txt").read_text() == "images_val_a.png\n"


def test_pictures_in_another_folder(bench, tmp_path):
    bench.picture("../elsewhere/a.png")
    instances(bench, [{"category_id": 3, "segmentation": [box(0, 0, 6, 4)]}])
    refused = r"could be imported; 1 were left out, the first is a\.png: its picture a\.png is not there.*--images"
    with pytest.raises(DataError, match=refused):
        bench.run("coco")
    assert not bench.out.exists() and not list(tmp_path.glob(".*"))
    bench.run("coco", images=tmp_path / "elsewhere")
    assert bench.label("a") == [[1] * 6] * 4


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"segmentation": {"size": [4, 6], "counts": [0, 10**12]}}, "run lengths"),
        ({"segmentation": {"size": [4, 6], "counts": [20, 3]}}, "cover 23 pixels"),
        ({"segmentation": {"size": [4, 6], "counts": "~~~"}}, "damaged"),
        ({"segmentation": {"size": [4, 6], "counts": "ooooooooooooooo1"}}, "damaged"),
        ({"segmentation": {"size": [4, 6], "counts": "o"}}, "cut short"),
        ({"segmentation": {"size": [40000, 60000], "counts": [2400000000]}}, "not of its picture's"),
        ({"segmentation": {"size": [4, 6], "counts": None}}, "neither text nor numbers"),
        ({"segmentation": [[0, 0, float("nan"), 3, 5, 5]]}, "no number"),
        ({"segmentation": [[0, 0, "x", 3, 5, 5]]}, "not a list of x and y"),
        ({"segmentation": [], "bbox": [0, 0, 3, 3]}, "a box alone"),
        ({"segmentation": [box(0, 0, 2, 2)], "category_id": 99}, "category 99"),
        ({"segmentation": 5}, "not as its tool writes it"),
    ],
)
def test_wrong_annotations_leave_their_picture_out(bench, annotation, reason):
    bench.picture("a.png")
    bench.picture("b.png")
    images = [{"id": key, "file_name": name, "width": 6, "height": 4} for key, name in ((1, "a.png"), (2, "b.png"))]
    instances(bench, [{"category_id": 3, **annotation}], images=images)
    report = bench.run("coco")
    assert bench.names() == ["b.png"]
    (skip,) = report["skipped"]
    assert skip["file"].endswith("a.png") and reason in skip["reason"]


def test_polygons_far_outside_are_cut_at_the_border(bench):
    bench.picture("a.png")
    instances(bench, [{"category_id": 3, "segmentation": [box(-1e12, -1e12, 3, 1e300)]}])
    bench.run("coco")
    assert bench.label("a") == [[1, 1, 1, 0, 0, 0]] * 4


def test_a_polygon_of_two_corners_is_no_box(bench):
    bench.picture("a.png")
    instances(bench, [{"category_id": 3, "segmentation": [[0, 0, 4, 4]]}])
    report = bench.run("coco")
    assert bench.label("a") == [[0] * 6] * 4
    assert "fewer than three corners" in report["notes"][0]["reason"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.png", "C:\\Windows\\a.png", "a\0.png", ""])
def test_names_that_point_out_of_the_export(bench, tmp_path, name):
    bench.picture("../../secret.png") if name.startswith("..") else None
    bench.picture("b.png")
    images = [{"id": 1, "file_name": name, "width": 6, "height": 4}]
    images += [{"id": 2, "file_name": "b.png", "width": 6, "height": 4}]
    instances(bench, [], images=images, file="x.json")
    report = bench.run("coco")
    assert bench.names() == ["b.png"]
    assert "lies outside" in report["skipped"][0]["reason"] or "no name" in report["skipped"][0]["reason"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [', r"x\.json is no JSON, or cut short"),
        ("[" * 100_000, r"x\.json is no JSON"),
        ("[]", "holds no COCO instances"),
        ('{"images": [], "annotations": [], "categories": [{"id": "z"}]}', "not as its tool writes it"),
        ('{"images": 3, "annotations": [], "categories": []}', "not as its tool writes it"),
        ('{"images": [], "annotations": [], "categories": []}', "no picture could be imported"),
    ],
)
def test_files_that_are_no_instances(bench, text, message):
    bench.picture("a.png")
    bench.write("x.json", text)
    with pytest.raises(DataError, match=message):
        bench.run("coco")


def test_more_classes_than_labels_hold(bench):
    bench.picture("a.png")
    instances(bench, [], categories=[{"id": number, "name": f"c{number}"} for number in range(255)])
    with pytest.raises(DataError, match="256 classes"):
        bench.run("coco")
