"""Label Studio's JSON and PNG exports."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.data.importers.brush import decode_rle
from segkit.data.importers.rules import Rules


def pack(values, lengths=(3, 4, 8, 16)):
    """uint8 values in Label Studio's run lengths, with runs of one value and rows of different ones."""
    bits = f"{len(values):032b}" + f"{7:05b}" + "".join(f"{length - 1:04b}" for length in lengths)
    place = 0
    while place < len(values):
        same = 1
        while place + same < len(values) and values[place + same] == values[place]:
            same += 1
        if same > 1:
            kind = next(kind for kind, length in enumerate(lengths) if same <= 2**length)
            bits += "1" + f"{kind:02b}" + f"{same - 1:0{lengths[kind]}b}" + f"{values[place]:08b}"
        else:
            while same < 8 and place + same < len(values) and values[place + same] != values[place + same - 1]:
                same += 1
            bits += "0" + "00" + f"{same - 1:03b}" + "".join(f"{value:08b}" for value in values[place : place + same])
        place += same
    bits += "0" * (-len(bits) % 8)
    return [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]


def brush(mask, label="cat", **more):
    mask = np.asarray(mask, np.uint8)
    values = np.repeat(mask.ravel() * 255, 4).tolist()
    return result("brushlabels", {"format": "rle", "rle": pack(values), "brushlabels": [label]}, *mask.shape, **more)


def result(kind, value, height=4, width=6, **more):
    return {
        "id": "x",
        "type": kind,
        "value": value,
        "origin": "manual",
        "to_name": "image",
        "from_name": "tag",
        "image_rotation": 0,
        "original_width": width,
        "original_height": height,
        **more,
    }


def task(number, results, *, image="/data/upload/1/0a1b2c3d-a.png", **more):
    annotations = [{"id": 1, "was_cancelled": False, "created_at": "2024-01-01T00:00:00Z", "result": results}]
    return {"id": number, "annotations": annotations, "data": {"image": image}, **more}


MASK = [[1, 1, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]]


@pytest.mark.parametrize("seed", range(4))
def test_run_lengths(seed):
    rng = np.random.default_rng(seed)
    values = np.repeat(rng.integers(0, 3, 60), rng.integers(1, 40, 60))[: 4 * 5 * 7].astype(np.uint8)
    mask = decode_rle(bytes(pack(values.tolist())), 5, 7)
    assert (mask == (values.reshape(5, 7, 4)[..., 3] > 0)).all()


def test_brush_polygon_and_rectangle(bench):
    bench.picture("a.png")
    results = [
        result(
            "rectanglelabels", {"x": 0, "y": 50, "width": 50, "height": 25, "rotation": 0, "rectanglelabels": ["r"]}
        ),
        brush(MASK),
        result("polygonlabels", {"points": [[50, 0], [66.7, 0], [66.7, 25], [50, 25]], "polygonlabels": ["p"]}),
        {"type": "choices", "value": {"choices": ["good"]}, "from_name": "c", "to_name": "image"},
    ]
    bench.write("export.json", json.dumps([task(1, results)]))
    report = bench.run("label-studio", rules=Rules(boxes="fill"))
    assert list(report["classes"]) == ["background", "cat", "p", "r"]
    assert bench.label("a") == [[1, 1, 0, 2, 0, 1], [0, 1, 0, 0, 0, 0], [3, 3, 3, 0, 0, 0], [0, 0, 0, 0, 0, 1]]


def test_rectangles_turn_clockwise_about_their_first_corner(bench):
    bench.picture("a.png")
    value = {"x": 50, "y": 0, "width": 100 / 3, "height": 25, "rotation": 90, "rectanglelabels": ["r"]}
    bench.write("export.json", json.dumps([task(1, [result("rectanglelabels", value)])]))
    bench.run("label-studio", rules=Rules(boxes="fill"))
    assert bench.label("a") == [[0, 0, 1, 0, 0, 0]] * 2 + [[0] * 6] * 2


def test_json_min(bench):
    bench.picture("b.png")
    value = brush(MASK)
    item = {**value["value"], "original_width": 6, "original_height": 4}
    bench.write("min.json", json.dumps([{"image": "s3://bucket/x/b.png", "id": 3, "tag": [item], "annotator": 1}]))
    bench.run("label-studio")
    assert bench.label("b") == MASK


def test_png_masks_beside_the_tasks(bench):
    bench.picture("pictures/a.png")
    bench.picture("pictures/b.png")
    tasks = [
        task(12, [], image="/data/local-files/?d=pictures/a.png"),
        task(13, [], image="https://host/x/b.png?token=1"),
    ]
    bench.write("tasks.json", json.dumps(tasks))
    bench.mask("task-12-annotation-5-by-me@x.org-tag-cat-0.png", np.array(MASK) * 255)
    bench.mask("task-12-annotation-5-by-me@x.org-tag-big-dog-1.png", [[0] * 6] * 3 + [[255] * 6])
    report = bench.run("label-studio")
    assert list(report["classes"]) == ["background", "big-dog", "cat"]
    assert bench.label("a") == [[2, 2, 0, 0, 0, 2], [0, 2, 0, 0, 0, 0], [0] * 6, [1] * 6]
    assert bench.label("b") == [[0] * 6] * 4


def test_which_annotation_counts(bench):
    for name in "abc":
        bench.picture(f"{name}.png")
    old = {"result": [brush(np.ones((4, 6)))], "created_at": "2023"}
    new = {"result": [brush(MASK)], "created_at": "2024"}
    cancelled = {"result": [brush(np.ones((4, 6)))], "created_at": "2025", "was_cancelled": True}
    tasks = [task(number, [], image=f"/x/{name}.png") for number, name in enumerate("abc")]
    tasks[0]["annotations"] = [new, old, cancelled]
    tasks[1]["annotations"] = [cancelled]
    tasks[2]["annotations"] = []
    bench.write("export.json", json.dumps(tasks))
    report = bench.run("label-studio")
    assert bench.names() == ["a.png"] and bench.label("a") == MASK
    assert report["notes"] == [{"file": "task 0", "reason": "an annotation that is not the last of its task"}]
    assert [skip["reason"] for skip in report["skipped"]] == ["it is not annotated: annotate it"] * 2


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (brush(np.ones((40, 60))), "annotated at 60x40 pixels"),
        (brush(MASK, image_rotation=90), "it was turned in the tool"),
        ({**brush(MASK), "original_height": None}, "not as its tool writes it"),
        (result("brushlabels", {"rle": [0, 0, 0, 96, 57], "brushlabels": ["c"]}), "cut short"),
        (result("brushlabels", {"rle": [255] * 40, "brushlabels": ["c"]}), "not of its picture's"),
        (result("brushlabels", {"rle": 10**15, "brushlabels": ["c"]}), "no list of numbers"),
        (result("brushlabels", {"rle": [256], "brushlabels": ["c"]}), "not as its tool writes it"),
        (result("brushlabels", {"rle": brush(MASK)["value"]["rle"][:-9], "brushlabels": ["c"]}), "cut short"),
        (result("brushlabels", {"rle": brush(MASK)["value"]["rle"]}), "no label"),
        (result("polygonlabels", {"points": [[0, 0], [float("nan"), 1], [5, 5]], "polygonlabels": ["c"]}), "no number"),
        (result("rectanglelabels", {"x": 0, "y": 0, "width": 9, "height": 9, "rectanglelabels": ["c"]}), "is a box"),
        (result("bitmasklabels", {"imageDataURL": "https://x/y.png", "bitmasklabels": ["c"]}), "no PNG in base64"),
    ],
)
def test_wrong_results_leave_their_picture_out(bench, wrong, reason):
    bench.picture("a.png")
    bench.picture("b.png")
    bench.write("export.json", json.dumps([task(1, [wrong]), task(2, [brush(MASK)], image="b.png")]))
    report = bench.run("label-studio")
    assert bench.names() == ["b.png"]
    assert reason in report["skipped"][0]["reason"]


def test_pngs_alone_do_not_say_whose_they_are(bench):
    bench.mask("task-12-annotation-5-by-me-tag-cat-0.png", MASK)
    with pytest.raises(DataError, match="export as JSON too"):
        bench.run("label-studio")


def bitmask(mask, label="cat"):
    pixels = np.zeros((*np.shape(mask), 4), np.uint8)
    pixels[..., 3] = np.asarray(mask) * 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return result("bitmasklabels", {"imageDataURL": url, "bitmasklabels": [label]})


def vector(*corners, **more):
    vertices = [{"x": x, "y": y, "isBezier": False} for x, y in corners]
    return result("vectorlabels", {"vertices": vertices, "closed": True, "vectorlabels": ["dog"], **more})


def test_bitmasks_and_vectors(bench):
    bench.picture("a.png")
    corners = (50, 0), (66.7, 0), (66.7, 25), (50, 25)
    bench.write("export.json", json.dumps([task(1, [bitmask(MASK), vector(*corners)])]))
    bench.run("label-studio")
    assert bench.label("a") == [[1, 1, 0, 2, 0, 1], *MASK[1:]]


def test_what_has_no_area_is_counted_and_leaves_its_picture_in(bench):
    bench.picture("a.png")
    without = [
        result("keypointlabels", {"x": 1, "y": 2, "width": 0.2, "keypointlabels": ["nose"]}),
        result("ellipselabels", {"radiusX": 5, "radiusY": 5, "x": 1, "y": 1, "ellipselabels": ["c"]}),
        vector((0, 0), (9, 9), (0, 9), closed=False),
        result("polygonlabels", {"points": [[0, 0], [9, 9]], "polygonlabels": ["c"]}),
        result("cuboidlabels", {"faces": [], "cuboidlabels": ["c"]}),
        {"type": "choices", "value": {"choices": ["good"]}, "from_name": "c", "to_name": "image"},
        {"type": "relation", "from_id": "a", "to_id": "b"},
    ]
    bench.write("export.json", json.dumps([task(1, [brush(MASK), *without])]))
    report = bench.run("label-studio")
    assert bench.label("a") == MASK and list(report["classes"]) == ["background", "cat"]
    assert [reason.split(",")[0] for reason in report["left_out"]["objects"]] == [
        "a key point",
        "an ellipse",
        "a line",
        "a polygon with fewer than three corners",
        "an object of the kind cuboidlabels",
    ]


def test_curves_leave_their_picture_out(bench):
    for name in "ab":
        bench.picture(f"{name}.png")
    curve = vector((0, 0), (9, 9), (0, 9))
    curve["value"]["vertices"][1]["isBezier"] = True
    bench.write("export.json", json.dumps([task(1, [curve]), task(2, [brush(MASK)], image="b.png")]))
    assert "curves" in bench.run("label-studio")["skipped"][0]["reason"]
