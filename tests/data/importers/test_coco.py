"""COCO instances, as `pycocotools` reads and writes them."""

import json

import numpy as np
import pytest
from pycocotools import mask as api

from segkit.base.errors import DataError
from segkit.data.importers.rules import Rules
from segkit.data.importers.runs import coco_counts, runs_patch

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def instances(bench, annotations, *, images=None, categories=CATEGORIES, file="annotations/instances_train2017.json"):
    images = images or [{"id": 1, "file_name": "a.png", "width": 6, "height": 4}]
    annotations = [{"id": place, "image_id": 1, **item} for place, item in enumerate(annotations)]
    bench.write(file, json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def box(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


def whole(picture):
    return {"category_id": 3, "segmentation": [box(0, 0, 6, 4)], "image_id": picture}


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
        counts = coco_counts(packed.decode())
        assert (runs_patch(counts, *size).whole(*size) == coco.annToMask(annotation)).all()
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
    refused = r"could be imported; 1 were left out, the first is a\.png: its picture \(a\.png\) is not there.*--images"
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
        ({"segmentation": [], "bbox": [0, 0, 3, 3]}, "a box, not an outline"),
        ({"segmentation": [box(0, 0, 2, 2)], "category_id": 99}, "(99) is not in"),
        ({"segmentation": 5}, "not as its tool writes it"),
    ],
)
def test_wrong_annotations_leave_their_picture_out(bench, annotation, reason):
    bench.picture("a.png")
    bench.picture("b.png")
    images = [{"id": key, "file_name": name, "width": 6, "height": 4} for key, name in ((1, "a.png"), (2, "b.png"))]
    instances(bench, [{"category_id": 3, **annotation}, whole(2)], images=images)
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
    instances(bench, [{"category_id": 3, "segmentation": [[0, 0, 4, 4], box(0, 0, 1, 1)]}])
    report = bench.run("coco")
    assert bench.label("a") == [[1, 0, 0, 0, 0, 0]] + [[0] * 6] * 3
    assert "fewer than three corners" in report["notes"][0]["reason"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.png", "C:\\Windows\\a.png", "a\0.png", ""])
def test_names_that_point_out_of_the_export(bench, tmp_path, name):
    bench.picture("../../secret.png") if name.startswith("..") else None
    bench.picture("b.png")
    images = [{"id": 1, "file_name": name, "width": 6, "height": 4}]
    images += [{"id": 2, "file_name": "b.png", "width": 6, "height": 4}]
    instances(bench, [whole(2)], images=images, file="x.json")
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


FACADE = [{"id": 0, "name": "house", "supercategory": "none"}]
FACADE += [{"id": number, "name": name, "supercategory": "house"} for number, name in ((1, "facade"), (2, "window"))]


@pytest.mark.parametrize(("order", "seen", "hidden"), [(None, 0, 2), ("file", 0, 2), ("area", 8, 0), ("class", 8, 0)])
def test_what_lies_on_top(bench, order, seen, hidden):
    """Two windows, then the facade around them."""
    bench.picture("a.png", 12, 8)
    images = [{"id": 1, "file_name": "a.png", "width": 12, "height": 8}]
    windows = [{"category_id": 2, "segmentation": [box(left, 2, left + 2, 4)]} for left in (2, 6)]
    facade = {"category_id": 1, "segmentation": [box(1, 1, 11, 7)]}
    instances(bench, [*windows, facade], images=images, categories=FACADE)
    report = bench.run("coco", rules=Rules(order=order))
    assert list(report["classes"]) == ["background", "facade", "window"]  # the unused category 0 heads the others
    assert any("category 0 (house) has no objects" in sentence for sentence in report["said"])
    assert sum(row.count(2) for row in bench.label("a")) == seen
    assert report["objects"] == 3 and sum(report["left_out"]["objects"].values()) == hidden
    assert all("hide for the most part: --order area" in note["reason"] for note in report["notes"])


def test_a_category_0_with_objects_is_a_class(bench):
    bench.picture("a.png")
    instances(bench, [{"category_id": 0, "segmentation": [box(0, 0, 3, 3)]}], categories=FACADE)
    assert list(bench.run("coco")["classes"]) == ["background", "house", "facade", "window"]


@pytest.mark.parametrize(
    "segmentation",
    [
        [[[1, 0], [3, 0], [3, 2], [1, 2]]],
        [[1, 0], [3, 0], [3, 2], [1, 2]],
        box(1, 0, 3, 2),
        [box(1, 0, 3, 2), [], [[4, 4]], [0, 0, 1, 1]],
    ],
)
def test_polygons_as_other_tools_write_them(bench, segmentation):
    bench.picture("a.png")
    instances(bench, [{"category_id": 3, "segmentation": segmentation}])
    report = bench.run("coco")
    assert bench.label("a") == [[0, 1, 1, 0, 0, 0]] * 2 + [[0] * 6] * 2
    assert len(report["notes"]) == (3 if len(segmentation) == 4 and segmentation[1] == [] else 0)


def test_ids_as_text(bench):
    bench.picture("a.png")
    instances(
        bench,
        [{"category_id": 3.0, "image_id": "1", "segmentation": [box(0, 0, 6, 4)]}],
        categories=[{"id": "3", "name": "cat"}, {"id": "20", "name": "dog"}, {"id": "x", "name": "eel"}],
    )
    assert list(bench.run("coco")["classes"]) == ["background", "cat", "dog", "eel"]
    assert bench.label("a") == [[1] * 6] * 4


def test_ids_that_name_nothing_are_counted(bench):
    bench.picture("a.png")
    instances(bench, [whole(1), whole(7), whole(7)])
    assert bench.run("coco")["left_out"]["objects"] == {"an object of a picture that the file does not list": 2}


def test_only_ids_that_name_nothing(bench):
    bench.picture("a.png")
    instances(bench, [whole(7)])
    with pytest.raises(DataError, match=r"nothing is drawn in any of the 1 pictures .*\(1 left out: an object"):
        bench.run("coco")
    assert not bench.out.exists()


def test_an_id_of_two_pictures(bench):
    for name in "abc":
        bench.picture(f"{name}.png")
    ids = {"a": 1, "b": 1, "c": 2}
    images = [{"id": key, "file_name": f"{name}.png", "width": 6, "height": 4} for name, key in ids.items()]
    instances(bench, [whole(1), whole(2)], images=images)
    report = bench.run("coco")
    assert bench.names() == ["c.png"]
    assert ["its id is another picture's too" in skip["reason"] for skip in report["skipped"]] == [True, True]


def test_boxes_are_filled_where_that_is_asked_for(bench):
    bench.picture("a.png")
    instances(bench, [{"category_id": 3, "segmentation": [], "bbox": [1, 0, 2, 2]}, {"category_id": 3}])
    report = bench.run("coco", rules=Rules(boxes="fill"))
    assert bench.label("a") == [[0, 1, 1, 0, 0, 0]] * 2 + [[0] * 6] * 2
    assert report["left_out"]["objects"] == {"an object without outline and box": 1}


def test_pixels_of_no_object_may_be_not_labelled(bench):
    bench.picture("a.png")
    boxes = [box(1, 0, 3, 2), box(3, 0, 4, 2)]
    instances(bench, [{"category_id": key, "segmentation": [box]} for key, box in zip((3, 7), boxes, strict=True)])
    report = bench.run("coco", rules=Rules(unlabelled="ignore"))
    assert list(report["classes"]) == ["cat", "dog"]
    assert bench.label("a") == [[255, 0, 0, 1, 255, 255]] * 2 + [[255] * 6] * 2


def test_a_file_without_annotations_leaves_its_pictures_out(bench):
    for name in ("a", "b"):
        bench.picture(f"{name}.png")
    instances(bench, [whole(1)], file="one.json")
    listed = {"images": [{"id": 1, "file_name": "b.png"}], "categories": CATEGORIES}
    bench.write("image_info_test.json", json.dumps(listed))
    report = bench.run("coco")
    assert bench.names() == ["a.png"]
    assert "(image_info_test.json) has no annotations at all" in report["skipped"][0]["reason"]
