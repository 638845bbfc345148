"""Mask PNGs with a table: values, palettes, colours, and how masks find their pictures."""

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import ConfigError, DataError
from segkit.data.importers.rules import Rules
from segkit.data.importers.tables import read_table

GREY = [[0, 128, 255], [7, 0, 0]]
COLOUR = [[(0, 0, 0), (255, 0, 0), (0, 0, 255)], [(255, 0, 0)] * 3]


def test_grey_values(bench, tmp_path):
    bench.picture("images/a.jpg", 3, 2)
    bench.mask("masks/a.png", GREY)
    table = bench.write("../table.csv", "value,class\n128,road\n7,sky\n0,background\n255,road\n")
    report = bench.run("masks", classes=table)
    assert list(report["classes"]) == ["background", "road", "sky"]
    assert bench.label("a") == [[0, 1, 1], [2, 0, 0]]


@pytest.mark.parametrize(("rules", "told"), [({"boxes": "fill"}, "--boxes fill"), ({"order": "area"}, "--order area")])
def test_rules_of_objects_are_refused(bench, rules, told):
    bench.picture("images/a.jpg", 3, 2)
    bench.mask("masks/a.png", GREY)
    table = bench.write("../table.csv", "value,class\n128,road\n7,sky\n0,background\n255,road\n")
    with pytest.raises(ConfigError, match=f"{told}: .*: leave it out"):
        bench.run("masks", classes=table, rules=Rules(**rules))
    assert not bench.out.exists()


def test_255_is_not_labelled_unless_the_table_says_so(bench):
    bench.picture("images/a.jpg", 3, 2)
    bench.mask("masks/a.png", GREY)
    table = bench.write("../table.yaml", "0: ground\n128: road\n7: ignore\n")
    assert list(bench.run("masks", classes=table)["classes"]) == ["ground", "road"]
    assert bench.label("a") == [[0, 1, 255], [255, 0, 0]]


@pytest.mark.parametrize("kind", ["rgb", "palette", "rgba"])
def test_colours(bench, kind):
    bench.picture("train/a.jpg", 3, 2)
    path = bench.mask("train/a_mask.png", COLOUR)
    if kind == "palette":
        Image.open(path).quantize(8).save(path)
    elif kind == "rgba":
        Image.open(path).convert("RGBA").save(path)
    table = bench.write("../table.csv", "name,r,g,b\nroad,255,0,0\nsky,0,0,255\nvoid,0,0,0\n")
    report = bench.run("masks", classes=table)
    assert list(report["classes"]) == ["road", "sky", "void"]
    assert bench.label("a") == [[2, 0, 1], [0, 0, 0]]
    assert "[0, 0, 255]" in (bench.out / "data.yaml").read_text()
    assert Image.open(bench.out / "labels/a.png").getpalette()[:9] == [255, 0, 0, 0, 0, 255, 0, 0, 0]


def test_rgb_greys_are_values(bench):
    bench.picture("a.jpg", 3, 2)
    bench.mask("a_L.png", np.repeat(np.array(GREY)[..., None], 3, axis=2))
    table = bench.write("../table.csv", "0,a\n7,b\n128,c\n")
    bench.run("masks", classes=table)
    assert bench.label("a") == [[0, 2, 255], [1, 0, 0]]


def test_pairs_splits_and_what_has_no_partner(bench):
    for place, mask in (
        ("images/train/x/a", "labels/train/x/a"),
        ("val/img/b", "val/gt/b"),
        ("JPEGImages/c", "SegmentationClass/c"),
    ):
        bench.picture(f"{place}.jpg", 3, 2)
        bench.mask(f"{mask}.png", [[0, 1, 1], [1, 0, 0]])
    bench.picture("images/lonely.jpg")
    bench.mask("masks/widow.png", [[0]])
    report = bench.run("masks", classes=bench.write("../table.csv", "0,a\n1,b\n"))
    assert bench.names() == ["b.jpg", "c.jpg", "x_a.jpg"]
    assert report["splits"] == {"train": 2, "val": 1}
    assert {skip["file"]: skip["reason"][:15] for skip in report["skipped"]} == {
        "images/lonely.jpg": "it has no mask:",
        "masks/widow.png": "it has no pictu",
    }


def test_pictures_elsewhere(bench, tmp_path):
    bench.picture("../photos/a.jpg", 3, 2)
    bench.mask("a.png", [[0, 1, 1], [1, 0, 0]])
    bench.run("masks", classes=bench.write("../table.csv", "0,a\n1,b\n"), images=tmp_path / "photos")
    assert bench.label("a") == [[0, 1, 1], [1, 0, 0]]


def test_wrong_masks_leave_their_picture_out(bench):
    for name in "abcde":
        bench.picture(f"images/{name}.jpg", 3, 2)
    bench.mask("masks/a.png", COLOUR)
    bench.mask("masks/b.png", [[(255, 0, 0), (1, 2, 3), (0, 0, 0)]] * 2)
    bench.mask("masks/c.jpg", COLOUR)
    bench.mask("masks/d.png", [[(255, 0, 0)]])
    bench.write("masks/e.png", "no picture")
    report = bench.run("masks", classes=bench.write("../table.csv", "#ff0000,x\n#0000FF,y\n#000000,z\n"))
    assert bench.names() == ["a.jpg"]
    reasons = [skip["reason"] for skip in report["skipped"]]
    assert "a colour of no class, such as (1, 2, 3) (33.3% of its pixels)" in reasons[0]
    assert "has to be a PNG, BMP, TIFF or GIF" in reasons[1]
    assert "its mask is 1x1 pixels, but the picture has 3x2" in reasons[2]
    assert "is not a picture" in reasons[3]


def test_a_mask_that_was_a_jpeg_is_told(bench):
    bench.picture("images/a.jpg", 64, 64)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    bench.mask("masks/a.png", noise)
    with pytest.raises(DataError, match="was it a JPEG once"):
        bench.run("masks", classes=bench.write("../table.csv", "#ff0000,x\n#00ff00,y\n"))


def test_values_that_the_table_does_not_name(bench):
    bench.picture("images/a.jpg", 3, 2)
    bench.mask("masks/a.png", GREY)
    with pytest.raises(DataError, match="it holds 7, 128, which the table does not name"):
        bench.run("masks", classes=bench.write("../table.csv", "0,x\n1,y\n"))


def test_the_table_is_needed_and_only_here(bench):
    bench.picture("images/a.jpg")
    with pytest.raises(ConfigError, match="masks need --classes"):
        bench.run("masks")
    with pytest.raises(ConfigError, match="--classes is for masks and labelme"):
        bench.run("yolo", classes=bench.src)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "", "has no rows"),
        ("t.csv", "0,a\n0,b\n", "has 0 twice"),
        ("t.csv", "0,a\n1,2,3,b\n", "values and colours"),
        ("t.csv", "1,2,b\n", "for a value or a colour"),
        ("t.csv", "300,b\n", "for a value or a colour"),
        ("t.csv", "#12,b\n", "for a value or a colour"),
        ("t.csv", "0,a\na,b\n", "write a value or a colour and one name"),
        ("t.yaml", "[0, 1]", "is no table"),
        ("t.yaml", "a: b", "for a value or a colour"),
        ("t.yaml", "a: [", "not plain YAML"),
    ],
)
def test_wrong_tables(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("camvid.txt", "0 0 0 background\n250 50 83 a tool\n", [((0, 0, 0), "background"), ((250, 50, 83), "a tool")]),
        (
            "labelmap.txt",
            "# label:color_rgb:parts:actions\nbackground:0,0,0::\ntool:250,50,83::\n",
            [((0, 0, 0), "background"), ((250, 50, 83), "tool")],
        ),
        ("names.txt", "background\nroad\n", [(0, "background"), (1, "road")]),
        ("values.txt", "0 background\n7, road\n", [(0, "background"), (7, "road")]),
        ("numbers.json", '{"0": "background", "1": "road"}', [(0, "background"), (1, "road")]),
        ("machine_color.json", '{"road": [1, 1, 1]}', [((1, 1, 1), "road")]),
        ("mask_color_map.json", '{"type": "rgb", "colors": {"cat": [85, 0, 255]}}', [((85, 0, 255), "cat")]),
        ("semicolon.csv", "0;background\n1;road\n", [(0, "background"), (1, "road")]),
        ("tabs.tsv", "id\tname\n0\tbackground, and more\n", [(0, "background, and more")]),
        (
            "class_mapping.csv",
            "class_name,class_color\n__background__,0 0 0\nroad,255 50 50\n",
            [((0, 0, 0), "__background__"), ((255, 50, 50), "road")],
        ),
    ],
)
def test_tables_as_tools_write_them(tmp_path, name, text, rows):
    (tmp_path / name).write_text(text)
    assert read_table(tmp_path / name) == rows


def test_tables(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Pixel Value, Class\n0, background\n1, 7\n")
    assert read_table(path) == [(0, "background"), (1, "7")]
    path = tmp_path / "t.yaml"
    path.write_text("'#804080': road\n'1,2,3': sky\n")
    assert read_table(path) == [((128, 64, 128), "road"), ((1, 2, 3), "sky")]


def test_folders_of_voc_with_their_own_lists_and_names(bench):
    """As labelme2voc writes them."""
    for name in "abc":
        bench.picture(f"JPEGImages/{name}.jpg", 3, 2)
        bench.mask(f"SegmentationClassPNG/{name}.png", [[0, 1, 1]] * 2)
        bench.mask(f"SegmentationObject/{name}.png", [[0, 7, 8]] * 2)
        bench.picture(f"SegmentationClassVisualization/{name}.jpg", 3, 2)
    bench.write("class_names.txt", "__ignore__\n_background_\ncat\n")
    bench.write("ImageSets/Segmentation/train.txt", "b\nc\n")
    bench.write("ImageSets/Segmentation/val.txt", "a\n")
    report = bench.run("masks")
    assert list(report["classes"]) == ["_background_", "cat"]
    assert report["splits"] == {"train": 2, "val": 1} and not report["split_by_chance"]
    assert bench.label("a") == [[0, 1, 1]] * 2 and not report["skipped"]


@pytest.mark.parametrize(
    ("table", "content"),
    [
        ("label_colors.txt", "0 0 0 background\n250 50 83 tool\n"),
        ("set/class_dict.csv", "name,r,g,b\nbackground,0,0,0\ntool,250,50,83\n"),
    ],
)
def test_the_table_that_lies_beside_the_masks(bench, table, content):
    for folder in ("train", "val"):
        bench.picture(f"set/{folder}/{folder}.png", 3, 2)
        bench.mask(f"set/{folder}annot/{folder}.png", [[(250, 50, 83), (0, 0, 0), (0, 0, 0)]] * 2)
    bench.write(table, content)
    report = bench.run("masks")
    assert list(report["classes"]) == ["background", "tool"]
    assert f"the classes are those of {table}" in report["said"]
    assert [bench.label(name.removesuffix(".png")) for name in bench.names()] == [[[1, 0, 0]] * 2] * 2
