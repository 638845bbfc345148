"""COCO panoptic: PNGs whose colours are ids of segments."""

import json

import numpy as np
import pytest

from segkit.base.errors import DataError
from segkit.data.importers.rules import Rules

IDS = np.array([[7, 7, 70000, 70000, 0, 9], [7, 7, 70000, 300, 0, 9], [300] * 6, [300] * 6])
CATEGORIES = [
    {"id": 200, "name": "grass", "isthing": 0, "color": [1, 2, 3]},
    {"id": 3, "name": "car", "isthing": 1, "color": [4, 5, 6]},
]
SEGMENTS = [
    {"id": 7, "category_id": 3, "iscrowd": 0},
    {"id": 70000, "category_id": 200},
    {"id": 300, "category_id": 3, "iscrowd": 1},
    {"id": 5, "category_id": 3},
]


def colours(ids):
    """panopticapi's id2rgb: id = R + 256 G + 65536 B."""
    return np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).tolist()


def write(bench, *, segments=SEGMENTS, images=None, file_name="a.png"):
    bench.picture("val2017/a.jpg")
    bench.mask("annotations/panoptic_val2017/a.png", colours(IDS))
    images = images or [{"id": 1, "file_name": "a.jpg", "height": 4, "width": 6}]
    annotations = [{"image_id": 1, "file_name": file_name, "segments_info": segments}]
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    bench.write("annotations/panoptic_val2017.json", json.dumps(content))


def test_things_stuff_crowds_and_what_only_one_of_both_has(bench):
    write(bench)
    report = bench.run(None)
    assert report["format"] == "coco-panoptic" and report["splits"]["val"] == 1
    assert list(report["classes"]) == ["car", "grass"]
    assert bench.label("a") == [[0, 0, 1, 1, 255, 255], [0, 0, 1, 0, 255, 255], [0] * 6, [0] * 6]
    assert report["objects"] == 3
    assert {note["reason"][:12] for note in report["notes"]} == {"a region of ", "a segment of"}
    assert "- [4, 5, 6]" in (bench.out / "data.yaml").read_text()


def test_pixels_of_no_segment_may_be_the_background(bench):
    write(bench)
    bench.run("coco-panoptic", rules=Rules(unlabelled="background"))
    assert bench.label("a")[0] == [1, 1, 2, 2, 0, 0]


def test_pictures_that_are_pngs_of_the_same_names(bench):
    write(bench, images=[{"id": 1, "file_name": "a.png"}])
    bench.picture("val2017/a.png")
    bench.run("coco-panoptic")
    assert bench.names() == ["a.png"] and bench.label("a")[0][:3] == [0, 0, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"segments": [{"id": 2**24, "category_id": 3}]}, "has the id 16777216"),
        ({"segments": [{"id": 7, "category_id": 4}]}, r"category of a segment \(4\)"),
        ({"segments": [SEGMENTS[0]] * 2}, r"two segments have one id \(7\)"),
        ({"segments": [{"id": 5, "category_id": 3}]}, "nothing is drawn"),
        ({"file_name": "b.png"}, r"PNG of its segments \(b.png\) is not there"),
        ({"images": [{"id": 2, "file_name": "a.jpg"}]}, r"an annotation \(1\) is not in its list"),
        ({"images": [{"id": 1, "file_name": "a.jpg"}] * 2}, "of 1 annotations and 2 pictures"),
    ],
)
def test_what_is_refused(bench, options, message):
    write(bench, **options)
    with pytest.raises(DataError, match=message):
        bench.run("coco-panoptic")


def test_instances_point_to_the_other_form(bench):
    write(bench)
    with pytest.raises(DataError, match="--format coco-panoptic"):
        bench.run("coco")
