"""CVAT's "Segmentation mask 1.1"."""

import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.data.importers.rules import Rules

MAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:250,50,83::\nroad:51,221,255::\n"
COLOURS = [[(0, 0, 0), (250, 50, 83), (51, 221, 255)], [(250, 50, 83)] * 3]


@pytest.mark.parametrize("kind", ["rgb", "palette", "lines"])
def test_masks(bench, kind):
    bench.write("labelmap.txt", MAP)
    bench.picture("JPEGImages/city/a.jpg", 3, 2)
    path = bench.mask("SegmentationClass/city/a.png", COLOURS)
    if kind == "palette":
        Image.open(path).quantize(8).save(path)
    elif kind == "lines":
        bench.mask("SegmentationClass/city/a.png", [[0, 1, 2], [1, 1, 1]])
    bench.mask("SegmentationObject/city/a.png", [[0, 1, 2], [1, 1, 1]])
    bench.write("ImageSets/Segmentation/default.txt", "city/a\n")
    report = bench.run("cvat")
    assert list(report["classes"]) == ["background", "car", "road"]
    assert bench.label("city_a") == [[0, 1, 2], [1, 1, 1]]
    assert "- [51, 221, 255]" in (bench.out / "data.yaml").read_text()


def test_subsets_and_pictures_elsewhere(bench, tmp_path):
    bench.write("labelmap.txt", MAP)
    for name in "abc":
        bench.mask(f"SegmentationClass/{name}.png", COLOURS)
    for name in "ab":
        bench.picture(f"../photos/{name}.jpg", 3, 2)
    bench.write("ImageSets/Segmentation/train.txt", "a\n")
    bench.write("ImageSets/Segmentation/Validation.txt", "b\nc\n")
    report = bench.run("cvat", images=tmp_path / "photos")
    assert report["splits"] == {"train": 1, "val": 1}
    assert report["skipped"][0]["file"] == "SegmentationClass/c.png"


def test_colours_of_no_label(bench):
    bench.write("labelmap.txt", MAP)
    bench.picture("JPEGImages/a.jpg", 3, 2)
    bench.mask("SegmentationClass/a.png", [[(1, 2, 3)] * 3] * 2)
    with pytest.raises(DataError, match=r"a colour of no class, such as \(1, 2, 3\)"):
        bench.run("cvat")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no labels"),
        ("car:1,2::\n", "write label:r,g,b::"),
        ("car:1,2,300::\n", "write label:r,g,b::"),
        ("car:red::\n", "write label:r,g,b::"),
        ("car:1,2,3::\nroad:1,2,3::\n", "two labels one colour"),
    ],
)
def test_wrong_label_maps(bench, text, message):
    bench.write("labelmap.txt", text)
    bench.mask("SegmentationClass/a.png", COLOURS)
    with pytest.raises(DataError, match=message):
        bench.run("cvat")


def test_parts_that_are_missing(bench):
    bench.picture("JPEGImages/a.jpg")
    with pytest.raises(
        DataError, match=r"neither a labelmap\.txt nor annotations\.xml: export as \"Segmentation mask 1\.1\""
    ):
        bench.run("cvat")
    bench.write("labelmap.txt", MAP)
    with pytest.raises(DataError, match="no masks in SegmentationClass"):
        bench.run("cvat")


def test_several_tasks_side_by_side(bench):
    """Labels of one name are one class, whatever their colour; pictures of one name stay with their own task."""
    for folder, colour in (("one", (250, 50, 83)), ("two", (9, 9, 8))):
        bench.write(f"{folder}/labelmap.txt", f"background:0,0,0::\ncar:{','.join(map(str, colour))}::\n")
        bench.picture(f"{folder}/JPEGImages/a.jpg", 3, 2)
        bench.mask(f"{folder}/SegmentationClass/a.png", [[(0, 0, 0), colour, colour]] * 2)
    bench.mask("two/SegmentationClass/b.png", [[colour] * 3] * 2)
    bench.picture("one/JPEGImages/b.jpg", 3, 2)
    bench.write("two/ImageSets/Segmentation/val.txt", "a\n")
    report = bench.run("cvat")
    assert list(report["classes"]) == ["background", "car"]
    assert bench.label("one_a") == bench.label("two_a") == [[0, 1, 1]] * 2
    assert report["splits"] == {"train": 1, "val": 1}
    assert [skip["file"] for skip in report["skipped"]] == ["two/SegmentationClass/b.png"]


def test_upper_case_endings_and_colons_in_names(bench):
    bench.write("labelmap.txt", "background:0,0,0::\nroad:dry:51,221,255:a,b:\nsky:1,2,3\n")
    bench.picture("JPEGImages/a.JPG", 3, 2)
    bench.mask("SegmentationClass/a.PNG", [[(0, 0, 0), (51, 221, 255), (1, 2, 3)]] * 2)
    assert list(bench.run("cvat")["classes"]) == ["background", "road:dry", "sky"]
    assert bench.label("a") == [[0, 1, 2]] * 2


def test_colours_of_no_label_may_be_taken_for_something(bench):
    bench.write("labelmap.txt", MAP)
    bench.picture("JPEGImages/a.jpg", 3, 2)
    bench.mask("SegmentationClass/a.png", [[(250, 50, 83), (1, 2, 3), (0, 0, 0)]] * 2)
    bench.run("cvat", rules=Rules(unlabelled="ignore"))
    assert bench.label("a") == [[1, 255, 0]] * 2
