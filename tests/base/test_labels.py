"""Palettes and names."""

from segkit.base.labels import IGNORE, VOC_CLASSES, default_classes, palette_table, voc_palette


def test_voc_palette_is_the_published_one() -> None:
    assert voc_palette(5) == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128))
    palette = voc_palette(256)
    assert palette[15] == (192, 128, 128)
    assert palette[20] == (0, 64, 128)
    assert palette[IGNORE] == (224, 224, 192)
    assert len(set(palette)) == 256


def test_palette_table_keeps_the_border_colour() -> None:
    table = palette_table([(1, 2, 3), (4, 5, 6)])
    assert table.shape == (256, 3)
    assert table.dtype == "uint8"
    assert table[[0, 1, 2, IGNORE]].tolist() == [[1, 2, 3], [4, 5, 6], [0, 0, 0], [224, 224, 192]]
    assert palette_table([])[IGNORE].tolist() == [224, 224, 192]


def test_default_classes() -> None:
    assert default_classes(21) is VOC_CLASSES
    assert default_classes(2) == ("class 0", "class 1")
