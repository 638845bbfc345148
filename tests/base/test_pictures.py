"""Picture files of every kind that users have, good and bad."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from segkit.base import pictures
from segkit.base.errors import DataError, OutputError
from segkit.base.label_files import read_label, read_stored_label
from segkit.base.pictures import MAX_PIXELS, exif_orientation, read_picture, save_picture, shown_size, turned
from tests.base.made import BLUE, GREEN, RED, png, save

# The first column and row of each pass of an interlaced PNG, and the steps to the next (the specification, section 8).
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_rgb_is_read_as_it_is(tmp_path: Path) -> None:
    noise = _noise(4, 6)
    picture = read_picture(save(tmp_path / "a.png", noise))
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, noise)
    picture[0, 0] = 0  # writable: torch warns of arrays that are not


@pytest.mark.parametrize("ending", ["bmp", "tif", "webp", "gif"])
def test_other_formats(tmp_path: Path, ending: str) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    picture = read_picture(save(tmp_path / f"a.{ending}", [[RED, BLUE]], **options))
    assert picture.tolist() == [[list(RED), list(BLUE)]]


def test_the_content_counts_not_the_ending(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), RED).save(tmp_path / "a.png", format="JPEG")
    assert read_picture(tmp_path / "a.png").shape == (8, 8, 3)


def test_grey_and_one_bit_are_repeated(tmp_path: Path) -> None:
    assert read_picture(save(tmp_path / "l.png", [[0, 7]])).tolist() == [[[0, 0, 0], [7, 7, 7]]]
    one_bit = save(tmp_path / "1.png", [[0, 255]], mode="1")
    assert Image.open(one_bit).mode == "1"
    assert read_picture(one_bit).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_sixteen_bits_keep_the_high_byte(tmp_path: Path) -> None:
    grey = save(tmp_path / "grey.png", np.array([[0x1234, 0xFFFF, 0x00FF]], np.uint16))
    assert read_picture(grey).tolist() == [[[0x12] * 3, [0xFF] * 3, [0x00] * 3]]
    tiff = save(tmp_path / "grey.tif", np.array([[0x1234]], np.uint16))
    assert read_picture(tiff).tolist() == [[[0x12] * 3]]
    rgb = png(tmp_path / "rgb.png", 1, 1, 16, 2, bytes([0, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC]))
    assert read_picture(rgb).tolist() == [[[0x12, 0x56, 0x9A]]]


def test_alpha_is_composed_on_black(tmp_path: Path) -> None:
    rgba = save(tmp_path / "rgba.png", [[(200, 100, 50, 255), (200, 100, 50, 0), (200, 100, 50, 128)]])
    assert read_picture(rgba).tolist() == [[[200, 100, 50], [0, 0, 0], [100, 50, 25]]]
    Image.merge("LA", [Image.new("L", (1, 1), 200), Image.new("L", (1, 1), 128)]).save(tmp_path / "la.png")
    assert read_picture(tmp_path / "la.png").tolist() == [[[100, 100, 100]]]
    keyed = save(tmp_path / "key.png", [[RED, GREEN]], transparency=RED)
    assert read_picture(keyed).tolist() == [[[0, 0, 0], list(GREEN)]]


def test_palette_with_and_without_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([*RED, *GREEN])
    image.save(tmp_path / "opaque.png")
    image.save(tmp_path / "clear.png", transparency=0)
    assert read_picture(tmp_path / "opaque.png").tolist() == [[list(RED), list(GREEN)]]
    assert read_picture(tmp_path / "clear.png").tolist() == [[[0, 0, 0], list(GREEN)]]


def test_cmyk_jpeg_is_converted(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), (200, 40, 40)).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    assert Image.open(tmp_path / "a.jpg").mode == "CMYK"
    np.testing.assert_allclose(read_picture(tmp_path / "a.jpg")[8, 8], [200, 40, 40], atol=4)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_exif_orientation_is_applied(tmp_path: Path, ending: str) -> None:
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:, :16] = 255  # left half white: turned by 90 degrees clockwise, the upper half
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / f"a.{ending}", stored, exif=exif)
    picture = read_picture(path)
    assert picture.shape == (32, 16, 3)
    assert picture[:14].min() > 200
    assert picture[18:].max() < 50
    assert exif_orientation(path) == 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(tmp_path: Path, orientation: int) -> None:
    stored = _noise(5, 7)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", stored, exif=exif)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_picture(path), upright)
    np.testing.assert_array_equal(turned(stored[:, :, 0], orientation), upright[:, :, 0])


def test_large_pictures_are_converted_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = _noise(11, 6)
    sixteen = values[:, :, 0].astype(np.uint16) * 257
    paths = [
        save(tmp_path / "rgb.png", values),
        save(tmp_path / "alpha.png", np.dstack([values, values[:, :, 0]])),
        save(tmp_path / "palette.gif", values[:, :, 0], transparency=int(values[3, 3, 0])),
        save(tmp_path / "sixteen.png", sixteen),
    ]
    whole = [read_picture(path) for path in paths]
    monkeypatch.setattr(pictures, "_AT_ONCE", 12)  # two rows
    for path, picture in zip(paths, whole, strict=True):
        np.testing.assert_array_equal(read_picture(path), picture)


def test_pixels_of_unknown_range_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(DataError, match=r"f\.tif has pixels of the kind F: save it as RGB"):
        read_picture(tmp_path / "f.tif")
    Image.fromarray(np.ones((2, 2), np.int32)).save(tmp_path / "i.tif")
    with pytest.raises(DataError, match=r"i\.tif has pixels of the kind I:"):
        read_picture(tmp_path / "i.tif")


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_files_cut_short_are_refused(tmp_path: Path, ending: str) -> None:
    path = save(tmp_path / f"a.{ending}", _noise(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"a\.{ending} is (broken or cut short|not a picture)"):
        read_picture(path)


@pytest.mark.parametrize("sample", [b"\0", b"\xff"])
@pytest.mark.parametrize(("depth", "colour"), [(1, 0), (8, 0), (4, 3), (8, 2), (16, 6)])
def test_a_png_with_fewer_rows_than_it_declares_is_refused(
    tmp_path: Path, depth: int, colour: int, sample: bytes
) -> None:
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[colour]
    row = b"\0" + sample * ((5 * depth * channels + 7) // 8)
    palette = bytes(48) if colour == 3 else b""
    assert read_picture(png(tmp_path / "a.png", 5, 9, depth, colour, row * 9, palette=palette)).shape == (9, 5, 3)
    for rows in (0, 1, 8):
        path = png(tmp_path / "a.png", 5, 9, depth, colour, row * rows, palette=palette)
        for read in (read_picture, read_stored_label, shown_size):
            with pytest.raises(DataError, match=r"a\.png is broken or cut short"):
                read(path)


def test_rows_of_an_interlaced_png_are_counted(tmp_path: Path) -> None:
    for width, height in ((1, 1), (2, 3), (5, 9), (16, 17)):
        data = b""  # of a last row that is not empty
        for left, top, across, down in ADAM7:
            columns = len(range(left, width, across))
            data += (b"\0" + b"\1" * columns) * len(range(top, height, down)) if columns else b""
        whole = png(tmp_path / "a.png", width, height, 8, 0, data, interlaced=True)
        assert read_picture(whole).shape == (height, width, 3)
        with pytest.raises(DataError, match="broken or cut short"):
            read_picture(png(tmp_path / "b.png", width, height, 8, 0, data[:-1], interlaced=True))


def test_files_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("this is a text\n" * 20)
    with pytest.raises(DataError, match=r"text\.png is not a picture .*make it a PNG or a JPEG"):
        read_picture(tmp_path / "text.png")
    (tmp_path / "post.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match=r"post\.png is not a picture"):
        read_picture(tmp_path / "post.png")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(DataError, match=r"empty\.jpg is empty"):
        read_picture(tmp_path / "empty.jpg")
    with pytest.raises(DataError, match=r"none\.jpg is not there"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(DataError, match="cannot be opened"):
        read_picture(tmp_path)
    with pytest.raises(DataError, match="cannot be opened"):
        read_picture("a\0b.png")


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_pictures_without_pixels_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    path = png(tmp_path / "zero.png", *size, 8, 0, b"")
    for read in (read_picture, read_label):
        with pytest.raises(DataError, match=r"zero\.png is not a picture .*, or has no pixels"):
            read(path)


@pytest.mark.parametrize("size", [(MAX_PIXELS + 1, 1), (60_000, 60_000)])
def test_decompression_bombs_are_refused_before_they_are_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    path = png(tmp_path / "bomb.png", *size, 8, 0, bytes(1000))
    for read in (read_picture, read_label):
        with pytest.raises(DataError, match=rf"bomb\.png has .*{MAX_PIXELS}.*make it smaller"):
            read(path)


def test_the_limit_holds_where_pillow_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(DataError, match=rf"60000x60000 pixels, more than {MAX_PIXELS}"):
        read_picture(png(tmp_path / "bomb.png", 60_000, 60_000, 8, 0, bytes(1000)))


def test_saved_pictures(tmp_path: Path) -> None:
    noise = _noise(8, 8)
    save_picture(tmp_path / "a.png", noise)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), noise)
    save_picture(tmp_path / "a.JPG", noise)
    assert read_picture(tmp_path / "a.JPG").shape == (8, 8, 3)
    with pytest.raises(OutputError, match=r"a\.txt cannot be written as a picture"):
        save_picture(tmp_path / "a.txt", noise)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        save_picture(tmp_path / "file" / "a.png", noise)


def test_voc_pictures_and_labels_are_read_as_pillow_reads_them(shared: Path) -> None:
    voc = shared / "data/voc2012/VOCdevkit/VOC2012"
    picture = read_picture(voc / "JPEGImages/2007_000033.jpg")
    assert picture.shape == (366, 500, 3)
    label = read_label(voc / "SegmentationClass/2007_000033.png")
    assert np.unique(label).tolist() == [0, 1, 255]
    np.testing.assert_array_equal(label, np.asarray(Image.open(voc / "SegmentationClass/2007_000033.png")))


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer of Git LFS.*git lfs pull"),
        (b"\x89PNG\n\x1a\n\0\0\0\rIHDR", "ends of lines were changed"),
        (b"\x89PNG\r\r\n\x1a\r\n\0\0\0\rIHDR", "ends of lines were changed"),
        (b"\x89PNX", "is not a picture that segkit reads"),
    ],
)
def test_what_a_file_is_that_is_no_picture(tmp_path, start, told):
    path = tmp_path / "a.png"
    path.write_bytes(start)
    with pytest.raises(DataError, match=told):
        read_picture(path)
