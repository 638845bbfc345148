"""VGG Image Annotator's JSON, of both versions and of a project."""

import json

import numpy as np
import pytest
from pycocotools import mask as api

from segkit.base.errors import DataError
from segkit.data.importers.rules import Rules

SQUARE = {"name": "polygon", "all_points_x": [1, 4, 4, 1], "all_points_y": [0, 0, 2, 2]}


def region(shape, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


def write(bench, regions, *, project=False, name="via.json"):
    bench.picture("a.png")
    content = {"a.png99": {"filename": "a.png", "size": 99, "regions": regions, "file_attributes": {}}}
    bench.write(name, json.dumps({"_via_settings": {}, "_via_img_metadata": content} if project else content))


@pytest.mark.parametrize("project", [False, True])
@pytest.mark.parametrize("form", [list, lambda regions: {str(place): each for place, each in enumerate(regions)}])
def test_both_versions_and_projects(bench, form, project):
    later = {"name": "polygon", "all_points_x": [3, 6, 6, 3], "all_points_y": [1, 1, 4, 4]}
    write(bench, form([region(SQUARE, label="road"), region(later, label=" bush ")]), project=project)
    report = bench.run("via")
    assert list(report["classes"]) == ["background", "bush", "road"]
    assert bench.label("a") == [[0, 2, 2, 2, 0, 0], [0, 2, 2, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1]]


@pytest.mark.parametrize(
    "attributes",
    [
        {"class": "road", "note": "x"},
        {"anything": "road"},
        {"Type": {"road": True, "bush": False}},
        {"insect": "road", "inseto": "road"},
    ],
)
def test_the_attribute_of_the_class(bench, attributes):
    write(bench, [region(SQUARE, **attributes)])
    assert list(bench.run("via")["classes"]) == ["background", "road"]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"a": "x", "b": "y"}, "has the attributes a, b: keep the one of the class"),
        ({"type": {"road": True, "bush": True}}, r"of 2 classes at once \(road, bush\)"),
    ],
)
def test_classes_that_are_not_told(bench, attributes, words):
    write(bench, [region(SQUARE, **attributes)])
    with pytest.raises(DataError, match=words):
        bench.run("via")


def test_all_regions_are_of_one_class_where_none_has_one(bench):
    """As in Mask R-CNN's balloons, and what was made after them."""
    write(bench, [region(SQUARE), region(SQUARE, label="")])
    report = bench.run("via")
    assert list(report["classes"]) == ["background", "object"]
    assert "no region has a class, so all are the class object" in report["said"]


def test_a_region_without_a_class_among_others(bench):
    bench.picture("b.png")
    write(bench, [region(SQUARE, label="road")], name="whole.json")
    bench.write("b.json", json.dumps({"b.png9": {"filename": "b.png", "regions": [region(SQUARE)]}}))
    assert "has no class: give it one" in bench.run("via")["skipped"][0]["reason"]


def test_circles_and_ellipses(bench):
    write(
        bench,
        [
            region({"name": "circle", "cx": 1.5, "cy": 2, "r": 1.5}, label="x"),
            region({"name": "ellipse", "cx": 4.5, "cy": 2, "rx": 2, "ry": 1, "theta": np.pi / 2}, label="y"),
        ],
    )
    bench.run("via")
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    circle = np.stack([1.5 + 1.5 * np.cos(angles), 2 + 1.5 * np.sin(angles)], 1).ravel().tolist()
    upright = np.stack([4.5 - np.sin(angles), 2 + 2 * np.cos(angles)], 1).ravel().tolist()
    expected = np.zeros((4, 6), int)
    for value, polygon in enumerate((circle, upright), 1):
        expected[api.decode(api.frPyObjects([polygon], 4, 6))[..., 0] == 1] = value
    assert bench.label("a") == expected.tolist() and set(np.unique(expected)) == {0, 1, 2}


def test_boxes_are_filled_where_asked_for_and_lines_left_out(bench):
    line = {"name": "polyline", "all_points_x": [1, 2], "all_points_y": [1, 2]}
    box = {"name": "rect", "x": 1, "y": 0, "width": 3, "height": 2}
    write(bench, [region(line, label="wire"), region(box, label="road")])
    with pytest.raises(DataError, match="it has an object that is a box"):
        bench.run("via")
    report = bench.run("via", rules=Rules(boxes="fill"))
    assert bench.label("a")[0] == [0, 1, 1, 1, 0, 0]
    assert [note["reason"] for note in report["notes"]] == ["a polyline, which has no area"]


def test_files_of_others(bench):
    bench.picture("a.png")
    bench.write("a.json", '{"a": {"filename": "a.png"}}')
    with pytest.raises(DataError, match="holds no annotations of VIA"):
        bench.run("via")
