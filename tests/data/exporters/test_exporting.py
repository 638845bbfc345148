"""Label maps as annotations of labelling tools, and back, pixel for pixel."""

import json
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from segkit.base.errors import DataError, OutputError
from segkit.base.label_files import read_label
from segkit.data.exporters.exporting import FORMS, Exported, Labelled, export_data
from segkit.data.exporters.label_studio import encode_rle
from segkit.data.exporters.objects import objects_of, runs
from segkit.data.importers.brush import decode_rle
from segkit.data.importers.importing import import_data

CLASSES = ("background", "road", "tree & bush", "sky")
NAMES = ("street/a", "street/b", "c")


def shapes(seed: int, height: int = 23, width: int = 31) -> np.ndarray:
    """Objects with holes, of one pixel, one pixel wide, at the border, inside each other and touching by a corner."""
    generator = np.random.default_rng(seed)
    label = np.zeros((height, width), np.uint8)
    for _ in range(9):
        top, left = generator.integers(0, height), generator.integers(0, width)
        rows, columns = generator.integers(1, 12, 2)
        label[top : top + rows, left : left + columns] = generator.integers(0, len(CLASSES))
    label[generator.integers(0, height, 9), generator.integers(0, width, 9)] = 1
    return label


@pytest.fixture
def labels() -> list[np.ndarray]:
    return [shapes(seed) for seed in range(len(NAMES))]


@pytest.fixture
def made(tmp_path: Path, labels: list[np.ndarray]) -> list[Labelled]:
    (tmp_path / "pictures" / "street").mkdir(parents=True)
    found = []
    for name, label in zip(NAMES, labels, strict=True):
        path = tmp_path / "pictures" / f"{name}.png"
        Image.fromarray(np.repeat(label[..., None] * 60, 3, axis=2)).save(path)
        found.append(Labelled(name, path, partial(np.copy, label)))
    return found


def export(form: str, made: list[Labelled], folder: Path) -> Exported:
    return export_data(form, made, CLASSES, folder / form)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_exported_is_imported_to_the_pixel(
    form: str, made: list[Labelled], labels: list[np.ndarray], tmp_path: Path
) -> None:
    found = export(form, made, tmp_path)
    assert found.pictures == 3 and found.open_pixels == 0
    report = import_data(form, tmp_path / form, tmp_path / "back")
    classes = list(report["classes"])
    assert set(classes) == set(CLASSES) and not report["skipped"] and not report["notes"]
    if form != "label-studio":  # which has no order of its labels
        assert classes == list(CLASSES)
    for picture, label in zip(("street_a", "street_b", "c"), labels, strict=True):
        back = read_label(next((tmp_path / "back" / "labels").glob(f"*{picture}.png")))
        numbers = np.array([CLASSES.index(name) for name in classes])
        assert np.array_equal(numbers[back], label)


CORRECTED = {
    "coco": ("annotations.json", '"category_id": 1,', '"category_id": 3,'),
    "cvat": ("annotations.xml", '<mask label="road"', '<mask label="sky"'),
    "label-studio": ("tasks.json", '"brushlabels": ["road"]', '"brushlabels": ["sky"]'),
    "labelme": ("c.json", '"label": "road"', '"label": "sky"'),
}
"""A file of each form, and what is another there once somebody corrected all roads to sky."""


@pytest.mark.parametrize("form", FORMS)
def test_what_was_corrected_in_the_tool_s_form_is_imported_so(
    form: str, made: list[Labelled], labels: list[np.ndarray], tmp_path: Path
) -> None:
    export(form, made[2:], tmp_path)
    name, wrong, right = CORRECTED[form]
    text = (tmp_path / form / name).read_text()
    assert wrong in text
    (tmp_path / form / name).write_text(text.replace(wrong, right))
    classes = list(import_data(form, tmp_path / form, tmp_path / "back")["classes"])
    back = read_label(next((tmp_path / "back" / "labels").glob("*c.png")))
    expected = np.where(labels[2] == CLASSES.index("road"), CLASSES.index("sky"), labels[2])
    assert np.array_equal(np.array([CLASSES.index(name) for name in classes])[back], expected)


def test_the_coco_api_draws_the_same(made: list[Labelled], labels: list[np.ndarray], tmp_path: Path) -> None:
    export("coco", made, tmp_path)
    coco = COCO(str(tmp_path / "coco" / "annotations.json"))
    for image, label in zip(coco.imgs.values(), labels, strict=True):
        assert (tmp_path / "coco" / "images" / image["file_name"]).is_file()
        drawn = np.zeros_like(label)
        for annotation in coco.imgToAnns[image["id"]]:
            mask = coco.annToMask(annotation).astype(bool)
            left, top, width, height = annotation["bbox"]
            assert annotation["area"] == mask.sum() == mask[top : top + height, left : left + width].sum()
            drawn[mask] = CLASSES.index(coco.cats[annotation["category_id"]]["name"])
        assert np.array_equal(drawn, label)


def test_cvat_s_masks_are_runs_along_the_rows_of_their_box(
    made: list[Labelled], labels: list[np.ndarray], tmp_path: Path
) -> None:
    export("cvat", made, tmp_path)
    root = ElementTree.parse(tmp_path / "cvat" / "annotations.xml").getroot()
    assert [label.text for label in root.findall("meta/task/labels/label/name")] == list(CLASSES[1:])
    for image, label in zip(root.findall("image"), labels, strict=True):
        assert (tmp_path / "cvat" / "images" / image.get("name")).is_file()
        drawn = np.zeros((int(image.get("height")), int(image.get("width"))), np.uint8)
        for mask in image.findall("mask"):
            left, top, width, height = (int(mask.get(key)) for key in ("left", "top", "width", "height"))
            lengths = [int(length) for length in mask.get("rle").split(",")]
            box = np.repeat(np.arange(len(lengths)) % 2, lengths).reshape(height, width).astype(bool)
            drawn[top : top + height, left : left + width][box] = CLASSES.index(mask.get("label"))
        assert np.array_equal(drawn, label)


def test_labelme_gets_polygons_where_they_draw_the_same_and_masks_else(tmp_path: Path) -> None:
    label = np.zeros((12, 12), np.uint8)
    label[1:4, 1:5] = 1
    label[6:11, 2:9] = 2
    label[8, 4] = 0
    Image.new("RGB", (12, 12)).save(tmp_path / "a.png")
    export("labelme", [Labelled("a", tmp_path / "a.png", lambda: label)], tmp_path)
    content = json.loads((tmp_path / "labelme" / "a.json").read_text())
    assert [(shape["label"], shape["shape_type"]) for shape in content["shapes"]] == [
        ("road", "polygon"),
        ("tree & bush", "mask"),
    ]
    assert content["shapes"][1]["points"] == [[2, 6], [8, 10]]
    assert (tmp_path / "labelme" / "labels.txt").read_text().split("\n")[1:3] == ["_background_", "road"]


def test_objects_are_pixels_that_touch() -> None:
    label = np.array([[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 255, 0], [1, 1, 0, 1]], np.uint8)
    found = list(objects_of(label, CLASSES, background=0))
    assert [(item.name, item.patch.left, item.patch.top, item.patch.mask.tolist()) for item in found] == [
        ("road", 0, 0, [[True, False], [False, True]]),
        ("road", 0, 3, [[True, True]]),
        ("road", 3, 3, [[True]]),
        ("tree & bush", 3, 0, [[True], [True]]),
    ]
    assert len(list(objects_of(label, CLASSES, background=None))) == 4 + 1


def test_runs_begin_with_what_is_not_in_the_mask() -> None:
    assert runs(np.array([[0, 1], [1, 0]], bool)) == [1, 2, 1]
    assert runs(np.array([1, 1, 0], bool)) == [0, 2, 1]
    assert runs(np.zeros(5, bool)) == [5]


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 400)])
def test_brushes_of_any_length(shape: tuple[int, int]) -> None:
    """Up to runs that are longer than 16 bits tell."""
    for mask in (np.zeros(shape, np.uint8), np.ones(shape, np.uint8), np.random.default_rng(0).integers(0, 2, shape)):
        assert np.array_equal(decode_rle(encode_rle(mask), *shape), mask == 1)


def test_pixels_that_are_not_labelled_are_counted_and_a_first_class_is_kept(tmp_path: Path) -> None:
    Image.new("RGB", (3, 1)).save(tmp_path / "a.png")
    label = np.array([[0, 1, 255]], np.uint8)
    found = export_data("coco", [Labelled("a", tmp_path / "a.png", lambda: label)], ("sky", "road"), tmp_path / "out")
    assert found == Exported(1, {"sky": 1, "road": 1}, 1)


@pytest.mark.parametrize(
    ("label", "words"),
    [(np.zeros((2, 3), np.uint8), "has 3x2 pixels, the picture 4x4"), (np.full((4, 4), 9, np.uint8), "holds 9, but")],
)
@pytest.mark.parametrize("form", FORMS)
def test_what_does_not_fit_leaves_nothing(form: str, label: np.ndarray, words: str, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=words):
        export(form, [Labelled("a", tmp_path / "a.png", lambda: label)], tmp_path)
    assert not (tmp_path / form).exists()


def test_a_folder_that_holds_something_is_refused(made: list[Labelled], tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        export_data("coco", made, CLASSES, tmp_path / "pictures")
