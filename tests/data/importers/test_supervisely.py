"""Supervisely's projects."""

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.data.importers.rules import Rules

# The example of the SDK's own documentation (supervisely `geometry/bitmap.py`): a ring of 3x3.
RING = (
    "eJzrDPBz5+WS4mJgYOD19HAJAtLMIMwIInOeqf8BUmwBPiGuQPr///9Lb86/C2QxlgT5BTM4PLuRBuTwebo4hlTMSa44sKHhISMDuxpTYrr03F6g"
    "DIOnq5/LOqeEJgDM5ht6"
)
META = {
    "classes": [
        {"title": "cat", "shape": "any", "color": "#FF0000"},
        {"title": "dog", "shape": "any", "color": "#00FF00"},
    ],
    "tags": [],
}


def project(bench, objects, *, name="ds/ann/a.png.json", meta=META, size=(4, 6)):
    bench.write("meta.json", json.dumps(meta))
    content = {"description": "", "tags": [], "size": {"height": size[0], "width": size[1]}, "objects": objects}
    bench.write(name, json.dumps(content))


def bitmap(data, x=1, y=0, title="cat"):
    return {"classTitle": title, "geometryType": "bitmap", "bitmap": {"origin": [x, y], "data": data}}


def figure(kind, exterior, interior=(), title="dog"):
    return {"classTitle": title, "geometryType": kind, "points": {"exterior": exterior, "interior": list(interior)}}


def png(values, *, packed=True):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(values, np.uint8)).save(buffer, "PNG")
    data = buffer.getvalue()
    return base64.b64encode(zlib.compress(data) if packed else data).decode()


def test_objects_in_order(bench):
    bench.picture("ds/img/a.png")
    project(
        bench,
        [
            figure("rectangle", [[5, 3], [0, 2]]),
            bitmap(RING),
            figure("polygon", [[3, 0], [5, 0], [5, 3], [3, 3]], [[[4, 1], [4, 2], [4, 2]]]),
            figure("point", [[0, 0]]),
        ],
    )
    report = bench.run("supervisely", rules=Rules(boxes="fill"))
    assert list(report["classes"]) == ["background", "cat", "dog"]
    assert bench.names() == ["ds_a.png"]
    assert bench.label("ds_a") == [[0, 1, 1, 2, 2, 2], [0, 1, 0, 2, 0, 2], [2, 1, 1, 2, 2, 2], [2] * 6]
    assert [note["reason"] for note in report["notes"]] == ["a point, which has no area"]
    assert "- [255, 0, 0]" in (bench.out / "data.yaml").read_text()


@pytest.mark.parametrize("packed", [True, False])
def test_bitmaps_that_jut_out_are_cut(bench, packed):
    bench.picture("ds/img/a.png")
    project(bench, [bitmap(png([[0, 255], [255, 0]], packed=packed), x=5, y=-1)])
    bench.run("supervisely")
    assert bench.label("ds_a") == [[0, 0, 0, 0, 0, 1]] + [[0] * 6] * 3


def test_data_sets_called_after_splits(bench):
    for name in ("train", "val", "test"):
        bench.picture(f"{name}/img/a.png")
        project(bench, [bitmap(RING)], name=f"{name}/ann/a.png.json")
    report = bench.run("supervisely")
    assert report["splits"] == {"train": 1, "val": 1, "test": 1}
    assert (bench.out / "test.txt").read_text() == "a.png\n"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (bitmap(base64.b64encode(zlib.compress(b"\0" * 10_000_000)).decode()), "unpacks to more than"),
        (bitmap(png(np.zeros((3000, 3000)))), "more than its picture"),
        (bitmap("!!"), "not base64"),
        (bitmap(base64.b64encode(b"rubbish").decode()), "cannot be unpacked"),
        (bitmap(base64.b64encode(zlib.compress(b"rubbish")).decode()), "no PNG"),
        (bitmap(RING, x=float("nan")), "no place"),
        (bitmap(RING, title="bird"), "('bird') is not in meta.json"),
        (figure("rectangle", [[0, 0], [1, 1]]), "is a box, not an outline"),
        (figure("polygon", [[0, 0], [1, 1], [float("inf"), 2]]), "no number"),
        (
            {**figure("polygon", [[0, 0], [1, 0], [1, 1]]), "points": {"exterior": [[0, 0]] * 3, "interior": 5}},
            "not as",
        ),
        (figure("cuboid", []), "does not read"),
        ({"classTitle": "cat", "geometryType": "bitmap"}, "not as its tool writes it"),
        (7, "not as its tool writes it"),
    ],
)
def test_wrong_objects_leave_their_picture_out(bench, wrong, reason):
    for name in "ab":
        bench.picture(f"ds/img/{name}.png")
        project(bench, [wrong] if name == "a" else [bitmap(RING)], name=f"ds/ann/{name}.png.json")
    report = bench.run("supervisely")
    assert bench.names() == ["ds_b.png"]
    assert reason in report["skipped"][0]["reason"]


def test_without_meta(bench):
    bench.picture("ds/img/a.png")
    with pytest.raises(DataError, match=r"no meta\.json"):
        bench.run("supervisely")
    project(bench, [], meta={"classes": 3})
    with pytest.raises(DataError, match="not as its tool writes it"):
        bench.run("supervisely")


def test_projects_of_before_geometry_type(bench):
    bench.picture("ds/img/a.jpeg")
    meta = {"classes": [{"title": "cat", "shape": "bitmap"}, {"title": "dog", "shape": "any"}]}
    old = {"classTitle": "cat", "points": {"exterior": [], "interior": []}, **bitmap(RING)}
    dog = {**figure("", [[3, 0], [5, 0], [5, 3]]), "bitmap": None}
    for item in (old, dog):
        del item["geometryType"]
    project(bench, [old, dog], name="ds/ann/a.json", meta=meta)
    bench.run("supervisely")
    assert bench.label("ds_a") == [[0, 1, 1, 2, 2, 2], [0, 1, 0, 1, 2, 2], [0, 1, 1, 1, 2, 2], [0] * 5 + [2]]


def test_multipolygons(bench):
    bench.picture("ds/img/a.png")
    parts = [
        {"exterior": [[1, 1], [1, 1], [1, 1]]},
        {"exterior": [[0, 0], [2, 0], [2, 2], [0, 2]], "interior": [[[1, 1], [1, 1], [1, 1]]]},
        {"exterior": [[4, 3], [5, 3]], "interior": []},
    ]
    project(bench, [{"classTitle": "dog", "geometryType": "multipolygon", "parts": parts}])
    report = bench.run("supervisely")
    assert bench.label("ds_a") == [[2, 2, 2, 0, 0, 0]] * 3 + [[0] * 6]  # a part may lie in a hole of another
    assert "fewer than three corners" in report["notes"][0]["reason"] and report["objects"] == 1
