"""CVAT's own annotations of pictures and of video."""

import re

import numpy as np
import pytest
from pycocotools import mask as api

from segkit.base.errors import DataError
from segkit.data.importers.rules import Rules

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><task><size>{size}</size><labels>'
    "<label><name>tree</name></label><label><name>car</name></label></labels>"
    "<original_size><width>6</width><height>4</height></original_size></task></meta>{body}</annotations>"
)
CAR = '<polygon label="car" points="0,0;3,0;3,2;0,2" z_order="{z}"/>'
TREE = '<polygon label="tree" points="2.00,1.00;6.00,1.00;6.00,4.00;2.00,4.00" z_order="0"></polygon>'


def images(bench, *shapes, name="a.png", more=""):
    bench.picture(f"images/{name}")
    body = f'<image id="0" name="{name}" width="6" height="4"{more}>{"".join(shapes)}</image>'
    bench.write("annotations.xml", HEAD.format(size=1, body=body))


def test_polygons_in_the_order_of_their_depth(bench):
    images(bench, CAR.format(z=1), TREE)
    report = bench.run("cvat")
    assert list(report["classes"]) == ["background", "tree", "car"]  # as they are listed
    assert bench.label("a") == [[2, 2, 2, 0, 0, 0], [2, 2, 2, 1, 1, 1], [0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1]]


def test_what_is_later_lies_on_top_at_the_same_depth(bench):
    images(bench, CAR.format(z=0), TREE)
    bench.run("cvat")
    assert bench.label("a")[1] == [2, 2, 1, 1, 1, 1]


def test_masks_are_runs_along_the_rows_of_their_box(bench):
    images(bench, '<mask label="car" rle="1, 2, 2, 1" left="2" top="1" width="3" height="2" z_order="0"/>')
    bench.run("cvat")
    assert bench.label("a") == [[0] * 6, [0, 0, 0, 2, 2, 0], [0, 0, 0, 0, 2, 0], [0] * 6]


def test_boxes_are_filled_where_asked_for_and_turned(bench):
    box = '<box label="car" xtl="1" ytl="0" xbr="5" ybr="2"{}/>'
    images(bench, box.format(' rotation="90.0"'))
    with pytest.raises(DataError, match=r"a\.png: it has an object that is a box.*--boxes fill"):
        bench.run("cvat")
    bench.run("cvat", rules=Rules(boxes="fill"))
    turned = np.zeros((4, 6), int)
    turned[0:3, 2:4] = 2  # four wide and two high about (3, 1), upright: its top is out of the picture
    assert bench.label("a") == turned.tolist()


def test_ellipses_are_filled_as_polygons(bench):
    images(bench, '<ellipse label="tree" cx="3" cy="2" rx="2.6" ry="1.5" z_order="0"/>')
    bench.run("cvat")
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    polygon = np.stack([3 + 2.6 * np.cos(angles), 2 + 1.5 * np.sin(angles)], 1).ravel().tolist()
    expected = api.decode(api.frPyObjects([polygon], 4, 6))[..., 0]
    assert bench.label("a") == expected.tolist() and 6 < expected.sum() < 24


def test_what_has_no_area_is_left_out_and_told(bench):
    images(bench, TREE, '<polyline label="car" points="0,0;1,1"/>', '<tag label="car"/>', more=' subset="Validation"')
    report = bench.run("cvat")
    reasons = [note["reason"] for note in report["notes"]]
    assert reasons == ["a polyline, which has no area", "a tag, which says nothing of pixels"]
    assert report["splits"] == {"train": 0, "val": 1}


def test_labels_of_tags_are_no_classes(bench):
    images(bench, CAR.format(z=0), '<tag label="rain"/>')
    file = bench.src / "annotations.xml"
    label = "<label><name>rain</name><type>tag</type></label><label><name>dog</name><type>any</type></label></labels>"
    file.write_text(file.read_text().replace("</labels>", label))
    assert list(bench.run("cvat")["classes"]) == ["background", "tree", "car", "dog"]


def test_tracks_frame_by_frame(bench):
    for number in (0, 2, 3):
        bench.picture(f"images/frame_{number:06d}.PNG")
    shape = '<polygon frame="{}" outside="{}" points="{x},0;{right},0;{right},2;{x},2" z_order="0"/>'
    shapes = [shape.format(number, int(number == 3), x=number, right=number + 2) for number in (0, 2, 3)]
    body = f'<track id="0" label="car">{"".join(shapes)}</track>'
    bench.write("annotations.xml", HEAD.format(size=5, body=body))
    report = bench.run("cvat")
    assert bench.names() == [f"frame_{number:06d}.png" for number in (0, 2, 3)]
    assert bench.label("frame_000002")[0] == [0, 0, 2, 2, 0, 0]
    assert np.max(bench.label("frame_000003")) == 0  # it has gone out of the picture
    assert report["notes"] == [{"file": "annotations.xml", "reason": "2 of 5 frames, on which nothing is annotated"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<annotations><image", "no XML, or cut short"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotations>&x;</annotations>', "declares a document type"),
        ("<annotation/>", "neither a labelmap.txt nor annotations.xml"),
        ('<annotations><image id="0" name="a.png" width="6"/></annotations>', "height"),
        ('<annotations><image id="0" name="b.png" width="6" height="4"/></annotations>', "b.png"),
    ],
)
def test_files_that_are_not_cvat_s(bench, text, words):
    bench.picture("a.png")
    bench.write("annotations.xml", text)
    with pytest.raises(DataError, match=re.escape(words)):
        bench.run("cvat")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ('<mask label="car" rle="1, 2" left="2" top="1" width="3" height="2"/>', "do not fill its box of 3x2"),
        ('<mask label="car" rle="6" left="5" top="1" width="3" height="2"/>', "juts out"),
        ('<mask label="car" rle="99999999999999999999" left="0" top="0" width="3" height="2"/>', "do not fill"),
        ('<polygon points="0,0;1,0;1,1"/>', "has no label"),
        ('<polygon label="car" points="0,0;nan,0;1,1"/>', "no number"),
        ('<polygon label="car" points="0,0;1;1,1"/>', "not a list of x and y"),
    ],
)
def test_shapes_that_are_wrong(bench, shape, words):
    images(bench, shape)
    with pytest.raises(DataError, match=words):
        bench.run("cvat")
