"""A data set made small: sizes, labels to the pixel, bytes that stay, and nothing where it goes wrong."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.label_files import read_label, save_label
from segkit.base.labels import IGNORE, voc_palette
from segkit.base.pictures import read_picture, save_picture
from segkit.data.folder import FolderDataset
from segkit.data.shrink import Scale, folder_places, shrink, voc_places
from segkit.data.voc import VocDataset

SCALE = Scale(side=60, quality=90)


def draw(height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture, and a label map of blocks."""
    rng = np.random.default_rng(seed)
    label = np.kron(rng.integers(0, 4, (height // 10, width // 10)), np.ones((10, 10), int)).astype(np.uint8)
    label[:3] = IGNORE
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, label * 40], 2).astype(np.uint8), label


@pytest.fixture
def voc(tmp_path) -> Path:
    """A VOC2012 of a large, an upright and a small picture; train_aug has all, val a fourth."""
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    sizes = {"large": (90, 120), "upright": (150, 70), "small": (40, 50), "kept": (90, 120)}
    for seed, (name, size) in enumerate(sizes.items()):
        picture, label = draw(*size, seed)
        save_picture(folder / "JPEGImages" / f"{name}.jpg", picture)
        labels = "SegmentationClass" if name == "kept" else "SegmentationClassAug"
        save_label(folder / labels / f"{name}.png", label, voc_palette(21))
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train_aug.txt").write_text("upright\nlarge\nsmall\nlarge\n")
    (lists / "val.txt").write_text("kept\n")
    return folder


def test_voc_stays_voc(voc, tmp_path) -> None:
    out, calls = tmp_path / "out", []
    datasets = {"train_aug": (VocDataset(voc, "train_aug"), SCALE), "val": (VocDataset(voc, "val"), None)}
    found = shrink(datasets, partial(voc_places, out), progress=lambda *numbers: calls.append(numbers))
    assert found.pictures == {"made smaller": 2, "as they were": 2}
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    small = VocDataset(out, "train_aug")
    assert list(small.ids) == ["upright", "large", "small", "large"]
    assert [sample.label.shape for sample in small] == [(60, 28), (45, 60), (40, 50), (45, 60)]
    for name in ("JPEGImages/small.jpg", "SegmentationClassAug/small.png", "JPEGImages/kept.jpg"):
        assert (out / name).read_bytes() == (voc / name).read_bytes()
    assert VocDataset(out, "val")[0].label.shape == (90, 120)
    files = [path for path in out.rglob("*") if path.suffix in (".jpg", ".png")]
    assert found.bytes_after == sum(path.stat().st_size for path in files) < found.bytes_before


def test_a_label_is_the_exact_nearest_and_a_picture_the_mean_of_its_pixels(voc, tmp_path) -> None:
    shrink({"train_aug": (VocDataset(voc, "train_aug"), SCALE)}, partial(voc_places, tmp_path / "out"))
    before, after = (folder / "SegmentationClassAug" / "large.png" for folder in (voc, tmp_path / "out"))
    # At exactly a half the centre of a pixel lies between two: the exact nearest is the second of each pair.
    np.testing.assert_array_equal(read_label(after), read_label(before)[1::2, 1::2])
    assert Image.open(after).mode == "P" and Image.open(after).getpalette() == Image.open(before).getpalette()
    before, after = (read_picture(folder / "JPEGImages" / "large.jpg") for folder in (voc, tmp_path / "out"))
    means = before.reshape(45, 2, 60, 2, 3).mean((1, 3))
    assert np.abs(after - means)[..., :2].mean() < 6  # the JPEG's own


def test_values_and_colours_of_a_folder_stay_as_its_recipe_reads_them(tmp_path) -> None:
    picture, label = draw(80, 120, 0)
    colours = ((10, 20, 30), (200, 0, 0), (0, 200, 0), (0, 0, 200))
    for split, stored in (("masks", np.where(label == 1, 128, 255 * (label == 2)).astype(np.uint8)), ("maps", None)):
        save_picture(tmp_path / "images" / split / "a.png", picture)
        path = tmp_path / "labels" / split / "a.png"
        if stored is None:
            save_picture(path, np.array(colours, np.uint8)[label % 4])
        else:
            path.parent.mkdir(parents=True)
            Image.fromarray(stored).save(path)
    kinds = {
        "masks": {"classes": ["a", "b", "c"], "mapping": {128: 1, 255: 2}},
        "maps": {"classes": ["a", "b", "c", "d"], "colours": colours},
    }
    for split, options in kinds.items():
        whole = FolderDataset(tmp_path, split=split, **options)
        out = tmp_path / f"out_{split}"
        found = shrink({split: (whole, SCALE)}, partial(folder_places, out))
        assert found.pictures == {"made smaller": 1}
        (sample,) = FolderDataset(out, split=split, list="{split}.txt", **options)
        np.testing.assert_array_equal(sample.label, whole[0].label[1::2, 1::2])
        assert sample.image.shape == (40, 60, 3)


def test_what_is_no_jpeg_is_encoded_again(tmp_path) -> None:
    picture, label = draw(40, 50, 0)
    save_picture(tmp_path / "images" / "train" / "a.png", picture)
    save_label(tmp_path / "labels" / "train" / "a.png", label, voc_palette(4))
    pairs = FolderDataset(tmp_path, split="train", classes=["a", "b", "c", "d"])
    found = shrink({"train": (pairs, SCALE)}, partial(folder_places, tmp_path / "out"))
    assert found.pictures == {"encoded again": 1} and (tmp_path / "out/images/train/a.jpg").is_file()
    np.testing.assert_array_equal(read_label(tmp_path / "out/labels/train/a.png"), label)


def test_a_pair_that_does_not_fit_and_a_picture_of_two_kinds_are_refused(voc, tmp_path) -> None:
    (voc / "ImageSets/Segmentation/val.txt").write_text("kept\nlarge\n")
    (voc / "SegmentationClass/large.png").write_bytes((voc / "SegmentationClassAug/large.png").read_bytes())
    datasets = {"train_aug": (VocDataset(voc, "train_aug"), SCALE), "val": (VocDataset(voc, "val"), None)}
    with pytest.raises(DataError, match="large is in train_aug and in val: shrink both"):
        shrink(datasets, partial(voc_places, tmp_path / "out"))
    save_label(voc / "SegmentationClassAug/large.png", np.zeros((90, 119), np.uint8), voc_palette(21))
    with pytest.raises(DataError, match=r"large\.png is 119x90 pixels, but its picture"):
        shrink({"train_aug": datasets["train_aug"]}, partial(voc_places, tmp_path / "out"))
