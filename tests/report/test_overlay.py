"""What is drawn: colours, contours, legends, errors, at all sizes."""

import numpy as np
import pytest

from segkit.base.labels import IGNORE, VOC_CLASSES, palette_table, voc_palette
from segkit.report import panels
from segkit.report.overlay import NOT_LABELLED, PAPER, WRONG, comparison, contact_sheet, overlay

PALETTE = voc_palette(21)
VOC = {"palette": PALETTE, "classes": VOC_CLASSES}


def scene(height: int, width: int, *labels: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture and its label map: upright stripes of the labels, each about half as wide as the one before."""
    picture = np.full((height, width, 3), 100, np.uint8)
    label = np.zeros((height, width), np.uint8)
    for number, value in enumerate(labels):
        label[:, width - width // 2**number :] = value
    return picture, label


def holds(image: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((image == colour).all(2).any())


def first_row(image: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Row and column of the first pixel of this colour, in reading order."""
    return tuple(np.argwhere((image == colour).all(2))[0].tolist())


def test_colours_are_blended() -> None:
    picture, label = scene(40, 60, 0, 15)
    result = overlay(picture, label, alpha=0.5, legend=False, **VOC)
    assert result.dtype == np.uint8
    assert result.shape == picture.shape
    colours = palette_table(PALETTE).astype(int)
    for column in (5, 55):
        expected = (100 + colours[label[0, column]]) / 2
        assert np.abs(result[20, column] - expected).max() <= 1


def test_alpha_from_nothing_to_all() -> None:
    picture, label = scene(40, 60, 15)
    np.testing.assert_array_equal(overlay(picture, label, alpha=0, legend=False, **VOC), picture)
    assert (overlay(picture, label, alpha=1, legend=False, **VOC) == PALETTE[15]).all()


def test_arguments_are_left_as_they_are() -> None:
    picture, label = scene(40, 60, 0, 15, IGNORE)
    before = picture.copy(), label.copy()
    overlay(picture, label, **VOC)
    comparison(picture, label, np.zeros_like(label), **VOC)
    assert (picture == before[0]).all() and (label == before[1]).all()


def test_contours_are_thin_and_between_classes_alone() -> None:
    def lines(label: np.ndarray) -> np.ndarray:
        drawn = overlay(np.zeros((*label.shape, 3), np.uint8), label, alpha=0, legend=False, **VOC)
        return drawn.any(2)

    _, label = scene(40, 64, 0, 15)
    assert lines(label).sum() == 40  # one pixel wide
    _, bordered = scene(40, 64, 0, IGNORE, 15)
    assert not lines(bordered).any()  # IGNORE between them is a border of its own
    _, large = scene(1500, 2000, 0, 15)
    width = lines(large).sum() / 1500
    assert 2 <= width <= 4


def test_the_legend_names_what_occurs_largest_first() -> None:
    picture, label = scene(200, 300, 2, 0, 20)  # 150, 75 and 75 columns
    label[0, 250:] = 0  # so background is larger than tvmonitor
    result = overlay(picture, label, **VOC)
    assert result.shape[1] == 300
    assert result.shape[0] > 200
    legend = result[200:]
    rows = {label: first_row(legend, PALETTE[label]) for label in (2, 0, 20)}
    assert rows[2][0] == rows[0][0] == rows[20][0]  # they fit in one row
    assert rows[2][1] < rows[0][1] < rows[20][1]
    assert not any(holds(legend, PALETTE[label]) for label in (1, 3, 15))
    np.testing.assert_array_equal(result[:200], overlay(picture, label, legend=False, **VOC))


@pytest.mark.parametrize("size", [(33, 40), (1, 1), (20, 900), (900, 20), (375, 500), (1200, 1600)])
@pytest.mark.parametrize("name", ["dog", "a very long name of a class " * 20, "", "two\nlines"])
def test_every_size_and_every_name(size: tuple[int, int], name: str) -> None:
    picture, label = scene(*size, 1)
    classes = ("background", name)
    result = overlay(picture, label, palette=PALETTE, classes=classes)
    assert (
        result[: size[0], : size[1]] == overlay(picture, label, palette=PALETTE, classes=classes, legend=False)
    ).all()
    assert holds(result, PALETTE[1])
    text = max(12, 0.035 * np.sqrt(size[0] * size[1]))
    beside = size[0] > 2 * size[1]
    assert result.shape[1] <= (size[1] if beside else 0) + max(size[1], 28 * text)
    assert result.shape[0] <= size[0] + (0 if beside else 3 * text)
    # Nothing touches the page's right end: names are not cut off.
    strip = result[:, size[1] :] if beside else result[size[0] :]
    assert (strip[:, -2:] == PAPER).all()


def legend_of(name: str) -> np.ndarray:
    picture, label = scene(120, 300, 1)
    return overlay(picture, label, palette=PALETTE, classes=("background", name))[120:]


def test_a_name_that_no_font_has_is_the_number_of_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "_FONTS", ("none on this machine.ttf",))
    for name in ("круг", "道路", "Straße", "a 😀"):
        np.testing.assert_array_equal(legend_of(name), legend_of("class 1"))
    assert (legend_of("road") != legend_of("class 1")).any()
    np.testing.assert_array_equal(legend_of("\x1b[31mroad\udcff"), legend_of(r"\x1b[31mroad\udcff"))


def test_a_name_is_drawn_in_a_font_of_the_machine_that_has_its_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown with one that has the letters of another: there need not be any on this machine."""
    asked: list[str] = []

    def has_russian(font: str, name: str) -> bool:
        asked.append(font)
        return font == "russian.ttf" or name.isascii()

    monkeypatch.setattr(panels, "_FONTS", ("other.ttf", "russian.ttf", "never asked.ttf"))
    monkeypatch.setattr(panels, "_holds", has_russian)
    assert panels.font_of("круг") == "russian.ttf" and asked == [panels.PILLOWS, "other.ttf", "russian.ttf"]
    assert panels.font_of("road") == panels.PILLOWS


@pytest.mark.parametrize("size", [(375, 420), (420, 100), (420, 300), (42, 30)])
def test_a_legend_of_many_classes_takes_as_many_rows_as_it_needs(size: tuple[int, int]) -> None:
    height, width = size
    label = np.broadcast_to((np.arange(height) * 21 // height)[:, None], size).astype(np.uint8)
    result = overlay(np.zeros((*size, 3), np.uint8), label, **VOC)
    strip = result[:, width:] if height > 2 * width else result[height:]
    assert all(holds(strip, colour) for colour in PALETTE)


def test_letters_grow_with_the_picture() -> None:
    strips = [len(overlay(*scene(side, side, 1), **VOC)) - side for side in (100, 1000, 3000)]
    assert strips[0] < strips[1] < strips[2]
    assert strips[0] > 15


def test_nothing_labelled() -> None:
    for size in ((90, 30), (60, 80)):
        picture, label = scene(*size, IGNORE)
        assert overlay(picture, label, **VOC).shape[:2] == size  # no legend
    assert holds(comparison(picture, label, np.zeros_like(label), **VOC), NOT_LABELLED)


def test_comparison() -> None:
    picture, truth = scene(300, 400, 0, 15)
    truth[:30] = IGNORE
    prediction = truth.copy()
    prediction[:30] = 0
    prediction[200:, :100] = 15  # a tenth and a bit
    result = comparison(picture, truth, prediction, **VOC)
    assert result.dtype == np.uint8
    gap = (result.shape[1] - 4 * 400) // 3
    top = first_row(result[:, :400], (100, 100, 100))[0]
    panels = [result[top : top + 300, i * (400 + gap) :][:, :400] for i in range(4)]
    np.testing.assert_array_equal(panels[0], picture)
    np.testing.assert_array_equal(panels[1], overlay(picture, truth, legend=False, **VOC))
    np.testing.assert_array_equal(panels[2], overlay(picture, prediction, legend=False, **VOC))
    np.testing.assert_array_equal((panels[3] == WRONG).all(2), (truth != prediction) & (truth != IGNORE))
    np.testing.assert_array_equal((panels[3] == NOT_LABELLED).all(2), truth == IGNORE)
    right = panels[3][truth == prediction]
    assert right.min() > NOT_LABELLED[0]  # light, so that both stand out
    legend = result[top + 300 :]
    assert all(holds(legend, colour) for colour in (PALETTE[0], PALETTE[15], WRONG, NOT_LABELLED))


def test_comparison_enlarges_small_pictures_and_shrinks_large_ones() -> None:
    picture, truth = scene(33, 40, 0, 15)
    height, width = comparison(picture, truth, truth, **VOC).shape[:2]
    assert height > 200 and width > 4 * 200
    picture, truth = scene(1000, 3000, 0, 15)
    height, width = comparison(picture, truth, truth, largest=600, **VOC).shape[:2]
    assert 4 * 600 <= width < 4 * 650
    assert height < 300


@pytest.mark.parametrize("size", [(1, 1), (900, 20), (20, 900)])
def test_comparison_at_odd_sizes(size: tuple[int, int]) -> None:
    picture, truth = scene(*size, 1)
    result = comparison(picture, truth, np.zeros_like(truth), palette=PALETTE, classes=["road", "x" * 500])
    assert holds(result, WRONG)


@pytest.mark.parametrize(
    ("picture", "label", "message"),
    [
        (np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8), r"a picture is uint8 \(H, W, 3\)"),
        (np.zeros((4, 5, 3)), np.zeros((4, 5), np.uint8), "a picture is uint8"),
        (np.zeros((0, 5, 3), np.uint8), np.zeros((0, 5), np.uint8), "a picture is uint8"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.uint8), "uint8 of its size"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.int64), "uint8 of its size"),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), 21, np.uint8), "none of the 21 classes"),
    ],
)
def test_what_cannot_be_drawn(picture: np.ndarray, label: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        overlay(picture, label, **VOC)
    with pytest.raises(ValueError, match=message):
        comparison(picture, label, label, **VOC)


def test_a_sheet_holds_every_picture_and_one_legend() -> None:
    pairs = [scene(40, 60, 0, 15), scene(60, 40, 0, 8), scene(480, 480, 0, IGNORE)]
    sheet = contact_sheet(pairs, alpha=1, side=60, **VOC)
    assert sheet.dtype == np.uint8 and sheet.shape[1] >= 2 * (2 * 60 + 4) + 12
    for colour in (PALETTE[15], PALETTE[8], (224, 224, 192)):
        assert holds(sheet, colour)
    np.testing.assert_array_equal(sheet[:40, :60], pairs[0][0])
    assert (sheet[:40, 60:64] == PAPER).all()
    assert holds(sheet[:40, 64:124], PALETTE[15])
    with pytest.raises(ValueError, match="none of the 21 classes"):
        contact_sheet([scene(40, 60, 0, 30)], **VOC)
