"""Label files: exact values, and what is refused since it would change them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.label_files import count_values, read_label, save_label
from segkit.base.labels import IGNORE, palette_table, voc_palette
from segkit.base.pictures import read_picture
from tests.base.made import BLUE, GREEN, RED, png, save


def test_labels_keep_their_values(tmp_path: Path) -> None:
    values = np.array([[0, 1, 20], [255, 128, 7]], np.uint8)
    np.testing.assert_array_equal(read_label(save(tmp_path / "grey.png", values)), values)
    save_label(tmp_path / "index.png", values, voc_palette(21))
    assert Image.open(tmp_path / "index.png").mode == "P"
    np.testing.assert_array_equal(read_label(tmp_path / "index.png"), values)
    np.testing.assert_array_equal(read_label(tmp_path / "index.png", colours=voc_palette(2)), values)
    assert read_label(save(tmp_path / "1.png", [[0, 255]], mode="1")).tolist() == [[0, 1]]
    alpha = Image.merge("LA", [Image.fromarray(values), Image.new("L", (3, 2), 255)])
    alpha.save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_label(tmp_path / "la.png"), values)


def test_label_of_few_palette_colours_keeps_its_values(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1, 2, 3]], np.uint8))
    image.putpalette([*RED, *GREEN, *BLUE, *RED])
    image.save(tmp_path / "p.png", bits=2)
    assert (tmp_path / "p.png").read_bytes()[24] == 2
    assert read_label(tmp_path / "p.png").tolist() == [[0, 1, 2, 3]]


def test_labels_of_sixteen_bits(tmp_path: Path) -> None:
    assert read_label(save(tmp_path / "a.png", np.array([[3, 255]], np.uint16))).tolist() == [[3, 255]]
    with pytest.raises(DataError, match=r"b\.png has the label value 300, but 255 is the largest"):
        read_label(save(tmp_path / "b.png", np.array([[3, 300]], np.uint16)))


def test_labels_that_programs_read_differently_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.png is grey of 4 bits"):
        read_label(png(tmp_path / "a.png", 2, 1, 4, 0, bytes([0, 0x12])))
    with pytest.raises(DataError, match=r"b\.png is grey of 2 bits"):
        read_label(png(tmp_path / "b.png", 4, 1, 2, 0, bytes([0, 0b00011011])))
    with pytest.raises(DataError, match=r"c\.png is grey of 16 bits with alpha"):
        read_label(png(tmp_path / "c.png", 1, 1, 16, 4, bytes([0, 0, 3, 255, 255])))


def test_colour_labels_are_decoded_by_exact_colour(tmp_path: Path) -> None:
    colours = (BLUE, RED, (0, 0, 0))
    path = save(tmp_path / "a.png", [[RED, BLUE, (0, 0, 0), (224, 224, 192)]])
    assert read_label(path, colours=colours).tolist() == [[1, 0, 2, IGNORE]]
    rgba = save(tmp_path / "rgba.png", [[(*RED, 255), (*BLUE, 255)]])
    assert read_label(rgba, colours=colours).tolist() == [[1, 0]]
    assert read_label(path, colours=(*colours, (224, 224, 192))).tolist() == [[1, 0, 2, 3]]
    every = np.random.default_rng(0).integers(0, 256, (40, 30), dtype=np.uint8)
    picture = save(tmp_path / "every.png", palette_table(voc_palette(256))[every])
    np.testing.assert_array_equal(read_label(picture, colours=voc_palette(256)), every)


def test_colour_labels_that_cannot_be_decoded_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", [[RED, BLUE], [(1, 2, 3), (4, 5, 6)]])
    with pytest.raises(DataError, match=r"a\.png is an RGB picture, .*`colours`"):
        read_label(path)
    with pytest.raises(DataError, match=r"a\.png has the colour \(1, 2, 3\) \(at x 0, y 1\).*50\.0%"):
        read_label(path, colours=(RED, BLUE))
    with pytest.raises(DataError, match=r"b\.png has transparent pixels"):
        read_label(save(tmp_path / "b.png", [[(*RED, 255), (*RED, 0)]]), colours=(RED,))


def test_labels_in_other_formats_are_refused(tmp_path: Path) -> None:
    Image.new("L", (8, 8), 3).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(DataError, match=r"a\.png is a JPEG file, but a label map has to be a PNG"):
        read_label(tmp_path / "a.png")
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(DataError, match=r"text\.png is not a picture"):
        read_label(tmp_path / "text.png")


def test_labels_are_not_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_label(save(tmp_path / "a.png", [[1, 2, 3]], exif=exif)).shape == (1, 3)


def test_saved_labels_carry_the_palette(tmp_path: Path) -> None:
    label = np.array([[0, 1, IGNORE]], np.uint8)
    save_label(tmp_path / "a.png", label, [RED, GREEN])
    assert read_picture(tmp_path / "a.png").tolist() == [[list(RED), list(GREEN), [224, 224, 192]]]
    assert (tmp_path / "a.png").read_bytes()[24:26] == bytes([8, 3])  # 8 bits, indexed, as VOC's server asks
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("long", [True, False])
def test_values_are_counted(long: bool) -> None:
    """By their runs, or by pixels where runs are short."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 256, (8, 9)).astype(np.uint8)
    label = label.repeat(64, axis=1) if long else label
    assert (count_values(label) == np.bincount(label.ravel(), minlength=256)).all()
    assert count_values(label[:1, :1]).sum() == 1
