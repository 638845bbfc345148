"""VOC in its own layout: a tiny one, and the real one."""

from pathlib import Path

import numpy as np
import pytest

from segkit.base.errors import ConfigError, DataError
from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, VOC_CLASSES, palette_table, voc_palette
from segkit.base.pictures import save_picture
from segkit.data.finding import Finding
from segkit.data.voc import VocDataset

LABEL = np.array([[0, 15, 20], [IGNORE, 8, 0]], np.uint8)


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """The folder above VOCdevkit, with two pictures in val and train_aug."""
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    for name in ("2007_000002", "2007_000001"):
        save_picture(folder / "JPEGImages" / f"{name}.jpg", np.full((2, 3, 3), 90, np.uint8))
        save_label(folder / "SegmentationClass" / f"{name}.png", LABEL, voc_palette(21))
        save_label(folder / "SegmentationClassAug" / f"{name}.png", LABEL[::-1], voc_palette(21))
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for split in ("val", "train_aug"):
        (lists / f"{split}.txt").write_text("2007_000002\n2007_000001\n\n")
    return tmp_path


@pytest.mark.parametrize("below", ["", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_root_may_be_any_of_three_folders(voc: Path, below: str) -> None:
    dataset = VocDataset(voc / below, "val")
    assert len(dataset) == 2
    assert dataset.ids == ("2007_000002", "2007_000001")  # the order of the list
    assert dataset.classes == VOC_CLASSES
    assert dataset.palette == voc_palette(21)
    sample = dataset[1]
    assert sample.name == "2007_000001"
    assert sample.image.shape == (2, 3, 3)
    np.testing.assert_array_equal(sample.label, LABEL)
    assert [name for _, _, name in (dataset[0], dataset[-1])] == ["2007_000002", "2007_000001"]
    with pytest.raises(IndexError):
        dataset[2]


def test_train_aug_has_its_own_labels(voc: Path) -> None:
    np.testing.assert_array_equal(VocDataset(voc, "train_aug")[0].label, LABEL[::-1])


def test_rgb_labels_are_decoded(voc: Path) -> None:
    path = voc / "VOCdevkit/VOC2012/SegmentationClass/2007_000001.png"
    save_picture(path, palette_table(voc_palette(21))[LABEL])
    np.testing.assert_array_equal(VocDataset(voc, "val")[1].label, LABEL)


def test_unknown_split(voc: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no split 'test' with labels: choose train, val, trainval, train_aug, or .*segkit submit"
    ):
        VocDataset(voc, "test")


def test_no_voc_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no VOC 2012 .* correct `root`"):
        VocDataset(tmp_path, "val")
    with pytest.raises(DataError, match="nowhere holds no VOC 2012"):
        VocDataset(tmp_path / "nowhere", "val")


def test_missing_list(voc: Path) -> None:
    with pytest.raises(DataError, match=r"/train\.txt is missing: .*a split that is there \(train_aug, val\)"):
        VocDataset(voc, "train")
    (voc / "VOCdevkit/VOC2012/ImageSets/Segmentation/train_aug.txt").unlink()
    with pytest.raises(DataError, match=r"/train_aug\.txt is missing: get it with `segkit data get voc2012`"):
        VocDataset(voc, "train_aug")


def test_missing_labels(voc: Path) -> None:
    for folder, words in (("SegmentationClassAug", "SBD"), ("SegmentationClass", "unpack")):
        (voc / "VOCdevkit/VOC2012" / folder).rename(voc / folder)
        with pytest.raises(DataError, match=rf"/{folder} is missing: .*{words}"):
            VocDataset(voc, "train_aug" if folder.endswith("Aug") else "val")


def test_empty_list_and_absent_files(voc: Path) -> None:
    source = voc / "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt"
    source.write_text("2007_000001\nabsent\nalso\n")
    with pytest.raises(DataError, match=r"val\.txt names 2 of 3 pictures that are not in .*the first is 'absent'"):
        VocDataset(voc, "val")
    source.write_text("\n")
    with pytest.raises(DataError, match=r"val\.txt names no pictures"):
        VocDataset(voc, "val")
    source.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"val\.txt is not a text file"):
        VocDataset(voc, "val")
    source.write_text("2007_000001\n")
    (voc / "VOCdevkit/VOC2012/SegmentationClass/2007_000001.png").unlink()
    with pytest.raises(DataError, match=r"names 1 of 1 labels that are not in .*SegmentationClass, the first"):
        VocDataset(voc, "val")


def test_label_that_is_no_class_and_wrong_size(voc: Path) -> None:
    path = voc / "VOCdevkit/VOC2012/SegmentationClass/2007_000002.png"
    save_label(path, np.where(LABEL == 8, 21, LABEL), voc_palette(22))
    with pytest.raises(DataError, match=r"2007_000002\.png holds the label value 21, but .* 21 classes .*`ignore`"):
        VocDataset(voc, "val")[0]
    save_label(path, LABEL[:1], voc_palette(21))
    with pytest.raises(DataError, match=r"2007_000002\.png is 3x1 pixels, but its picture .*\.jpg is 3x2"):
        VocDataset(voc, "val")[0]


def test_the_real_val_set(shared: Path) -> None:
    dataset = VocDataset(shared / "data/voc2012", "val")
    assert len(dataset) == 1449
    image, label, name = dataset[0]
    assert name == "2007_000033"
    assert image.shape == (366, 500, 3)
    assert image.dtype == label.dtype == np.uint8
    assert np.unique(label).tolist() == [0, 1, IGNORE]
    with pytest.raises(DataError, match="SegmentationClassAug is missing"):
        VocDataset(shared / "data/voc2012", "train_aug")


def test_what_a_list_names_wrongly_can_be_told_instead_of_refused(voc: Path) -> None:
    folder = voc / "VOCdevkit" / "VOC2012"
    (folder / "ImageSets/Segmentation/val.txt").write_text("2007_000001\ngone\n2007_000002\n2007_000001\n")
    (folder / "SegmentationClass/2007_000002.png").unlink()
    with pytest.raises(DataError):
        VocDataset(voc, "val")
    findings: list[Finding] = []
    assert VocDataset(voc, "val", findings=findings).ids == ("2007_000001",)
    assert [(finding.level, finding.kind, finding.file) for finding in findings] == [
        ("warning", "name twice in a list", str(folder / "ImageSets/Segmentation/val.txt")),
        ("error", "no picture", "gone"),
        ("error", "no label", "gone"),
        ("error", "no label", "2007_000002"),
    ]
