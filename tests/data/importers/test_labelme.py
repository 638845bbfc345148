"""labelme's JSON files, as version 5 writes them."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.data.importers.rules import Rules


def shape(label, points, kind="polygon", **more):
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


CORNERS = [[0, 0], [5, 0], [5, 3], [0, 3]]
WHOLE = shape("cat", CORNERS)


def annotate(bench, name, shapes, *, picture=None, width=6, height=4, **more):
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": picture or f"{name.split('/')[-1]}.png",
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
        **more,
    }
    return bench.write(f"{name}.json", json.dumps(content))


def packed(mask):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(mask, bool)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_shapes_as_labelme_draws_them(bench):
    bench.picture("a.png")
    annotate(
        bench,
        "a",
        [
            shape("dog", [[0, 0], [2, 3]], "rectangle"),
            shape("cat", [[1, 0], [3, 0], [3, 1], [1, 1]]),
            shape("__ignore__", [[4, 1], [5, 2]], "mask", mask=packed([[1, 0], [1, 1]])),
            shape("_background_", [[0, 3], [1, 3], [1, 3]]),
            shape("dog", [[5, 0], [5, 1]], "circle"),
            shape("dog", [[1, 1]], "point"),
            shape("dog", [[1, 1], [4, 3]], "line"),
        ],
    )
    report = bench.run("labelme", rules=Rules(boxes="fill"))
    assert list(report["classes"]) == ["background", "cat", "dog"]
    assert bench.label("a") == [[2, 1, 1, 1, 2, 2], [2, 1, 1, 1, 255, 2], [2, 2, 2, 0, 255, 255], [0, 0, 2, 0, 0, 0]]
    assert report["not_labelled"] == pytest.approx(3 / 24, abs=1e-6)
    assert sorted(note["reason"] for note in report["notes"]) == [
        "a line, which has no area",
        "a point, which has no area",
    ]


def test_classes_of_labels_txt_and_subfolders(bench):
    bench.write("labels.txt", "__ignore__\n_background_\nzebra\nant\n")
    for folder in ("one", "two"):
        bench.picture(f"{folder}/a.png")
        annotate(bench, f"{folder}/a", [shape("ant", CORNERS)])
    bench.picture("photos/b.png")
    annotate(bench, "labels/b", [shape("bee", CORNERS)], picture="..\\photos\\b.png")
    report = bench.run("labelme")
    assert list(report["classes"]) == ["background", "zebra", "ant", "bee"]
    assert "labels that are not listed become the last classes: bee" in report["said"]
    assert bench.names() == ["one_a.png", "photos_b.png", "two_a.png"]
    assert bench.label("one_a") == [[2] * 6] * 4 and bench.label("photos_b") == [[3] * 6] * 4


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_pictures_that_exif_turns_were_annotated_turned(bench, orientation):
    bench.picture("a.jpg", 6, 4, orientation=orientation)
    turned = orientation in (6, 8)
    width, height = (4, 6) if turned else (6, 4)
    annotate(bench, "a", [shape("cat", [[0, 0], [1, 0], [1, 0]])], picture="a.jpg", width=width, height=height)
    bench.run("labelme")
    expected = np.zeros((height, width), int)
    expected[0, :2] = 1
    assert bench.label("a") == expected.tolist()


@pytest.mark.parametrize(("orientation", "corner"), [(6, (0, 3)), (8, (5, 0)), (5, (0, 0)), (7, (5, 3))])
def test_annotations_of_the_stored_picture_are_turned_with_it(bench, orientation, corner):
    bench.picture("a.jpg", 6, 4, orientation=orientation)  # stored 6 wide and 4 high, shown 4 wide and 6 high
    annotate(bench, "a", [shape("cat", [[0, 0]] * 3)], picture="a.jpg")
    bench.run("labelme")
    expected = np.zeros((6, 4), int)
    expected[corner] = 1
    assert bench.label("a") == expected.tolist()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"picture": "/etc/passwd.png"}, "lies outside"),
        ({"picture": "../../b.png"}, "lies outside"),
        ({"picture": "c.png"}, "is not there"),
        ({"width": 60, "height": 40}, "annotated at 60x40 pixels, but the picture has 6x4"),
        ({"imageHeight": "four"}, "not as its tool writes it"),
        ({"shapes": [shape("cat", [[0, 0], [5, 3]], "rectangle")]}, "is a box, not an outline"),
        ({"shapes": [shape("cat", [[0, 0], [1, float("inf")], [2, 2]])]}, "no number"),
        ({"shapes": [shape("cat", [[0, 0], [1, 1]], "blob")]}, "does not know"),
        ({"shapes": [shape("cat", [[0, 0], [1, 1]], "mask", mask="%%%")]}, "not base64"),
        ({"shapes": [shape("cat", [[0, 0], [1, 1]], "mask", mask="AAAA")]}, "no PNG"),
        ({"shapes": [shape("cat", [[0, 0], [1, 1]], "mask", mask=packed(np.ones((99, 99))))]}, "99x99"),
    ],
)
def test_wrong_annotations_leave_their_picture_out(bench, change, reason):
    bench.picture("a.png")
    bench.picture("b.png")
    annotate(bench, "b", [WHOLE])
    annotate(bench, "x", **{"shapes": [], "picture": "a.png", **change})
    report = bench.run("labelme")
    assert bench.names() == ["b.png"]
    assert reason in report["skipped"][0]["reason"]


def test_broken_files_are_left_out_and_others_passed_over(bench):
    bench.picture("a.png")
    annotate(bench, "a", [WHOLE])
    bench.write("other.json", '{"shapes": "of something else"}')
    bench.write("cut.json", '{"shapes": [')
    report = bench.run("labelme")
    assert [skip["file"] for skip in report["skipped"]] == ["cut.json"]


def test_no_annotations(bench):
    bench.picture("a.png")
    with pytest.raises(DataError, match="holds no JSON file of labelme"):
        bench.run("labelme")
    bench.write("a.json", "{")
    with pytest.raises(DataError, match=r"holds no JSON file of labelme: .*a\.json is no JSON"):
        bench.run("labelme")


@pytest.mark.parametrize("kind", ["rectangle", "rotation", "oriented_rectangle"])
def test_boxes_of_four_corners(bench, kind):
    bench.picture("a.png")
    annotate(bench, "a", [shape("cat", [[1, 1], [3, 1], [3, 2], [1, 2]], kind)])
    bench.run("labelme", rules=Rules(boxes="fill"))
    assert bench.label("a") == [[0] * 6] + [[0, 1, 1, 1, 0, 0]] * 2 + [[0] * 6]


def test_shapes_without_area_make_no_class(bench):
    bench.picture("a.png")
    shapes = [WHOLE, shape("edge", [[0, 0], [1, 1]], "line"), shape("tick", [[0, 0], [1, 1]])]
    annotate(bench, "a", shapes)
    report = bench.run("labelme")
    assert list(report["classes"]) == ["background", "cat"]
    assert report["left_out"]["objects"] == {
        "a line, which has no area": 1,
        "a polygon with fewer than three corners, which has no area": 1,
    }


def test_labels_txt_beside_the_folder_or_given(bench, tmp_path):
    bench.picture("a.png")
    annotate(bench, "a", [WHOLE])
    listed = bench.write("../labels.txt", "__ignore__\n_background_\ndog\ncat\n")
    report = bench.run("labelme")
    assert list(report["classes"]) == ["background", "dog", "cat"]
    assert any(str(listed.resolve()) in sentence for sentence in report["said"])
    listed.write_text("dog\n")  # of something else: it lacks a label
    bench.out = tmp_path / "again"
    report = bench.run("labelme")
    assert list(report["classes"]) == ["background", "cat"]
    assert any("lacks some of the labels" in sentence for sentence in report["said"])
    bench.out = tmp_path / "given"
    assert list(bench.run("labelme", classes=listed)["classes"]) == ["background", "dog", "cat"]


def test_the_picture_inside_is_used_where_there_is_no_file(bench):
    for name, kind in (("a", "PNG"), ("b", "JPEG")):
        buffer = io.BytesIO()
        Image.new("RGB", (6, 4), (0, 200, 0)).save(buffer, kind)
        data = base64.b64encode(buffer.getvalue()).decode()
        annotate(bench, f"sub/{name}", [WHOLE], picture="D:\\far\\away.png", imageData=data)
    annotate(bench, "sub/c", [WHOLE], imageData=base64.b64encode(b"no picture").decode())
    report = bench.run("labelme", link=True)
    assert bench.names() == ["sub_a.png", "sub_b.jpg"]
    assert bench.label("sub_a") == [[1] * 6] * 4
    assert np.array(Image.open(bench.out / "images/sub_a.png"))[0, 0].tolist() == [0, 200, 0]
    assert "neither a PNG nor a JPEG" in report["skipped"][0]["reason"]


def test_the_picture_beside_under_its_own_name(bench):
    bench.picture("x/a.JPG")
    annotate(bench, "x/a", [WHOLE], picture="C:/elsewhere/IMG_7.jpg")
    bench.run("labelme")
    assert bench.names() == ["x_a.jpg"] and bench.label("x_a") == [[1] * 6] * 4


def test_a_file_in_another_encoding_is_left_out_and_told(bench):
    bench.picture("a.png")
    annotate(bench, "a", [WHOLE])
    text = (bench.src / "a.json").read_text(encoding="utf-8")
    (bench.src / "b.json").write_bytes(text.replace("cat", "道路").encode("gbk"))
    report = bench.run("labelme")
    assert list(report["classes"]) == ["background", "cat"]
    assert report["skipped"][0]["reason"].startswith("is not a text file in UTF-8 (as GBK it has '道路')")
