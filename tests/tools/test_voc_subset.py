from collections import Counter

import numpy as np
import pytest

from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, voc_palette
from segkit.base.pictures import save_picture
from segkit.data.voc import VocDataset
from tests.command import call
from tools.voc_subset import SHARES, balanced, main


@pytest.fixture
def voc(tmp_path):
    """A VOC2012 with 40 pictures of cats and 4 of buses in train_aug, and 4 pictures in val."""
    folder = tmp_path / "whole" / "VOC2012"
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    names = {"train_aug": [f"t{number:02}" for number in range(44)], "val": [f"v{number}" for number in range(4)]}
    for split, ids in names.items():
        (lists / f"{split}.txt").write_text("\n".join(ids) + "\n")
        labels = "SegmentationClassAug" if split == "train_aug" else "SegmentationClass"
        for number, name in enumerate(ids):
            label = np.array([[0, 6 if number % 11 == 5 else 8, IGNORE]], np.uint8)
            save_picture(folder / "JPEGImages" / f"{name}.jpg", np.zeros((1, 3, 3), np.uint8))
            save_label(folder / labels / f"{name}.png", label, voc_palette(21))
    return folder


def test_a_held_out_part_is_not_trained_on_and_has_labels(voc, tmp_path):
    call(main, voc, "out", "--hold-out", "11", cwd=tmp_path)
    train, val = (VocDataset(tmp_path / "out", split) for split in ("train_aug", "val"))
    assert list(val.ids) == ["t00", "t11", "t22", "t33"]
    assert len(train) == 40 and not set(train.ids) & set(val.ids)
    assert set(np.unique(val[0].label)) == {0, 8, 255}


def test_a_part_of_val_leaves_training_whole(voc, tmp_path):
    call(main, voc, "out", "--val-every", "2", cwd=tmp_path)
    assert list(VocDataset(tmp_path / "out", "val").ids) == ["v0", "v2"]
    assert len(VocDataset(tmp_path / "out", "train_aug")) == 44


def test_balance_brings_the_classes_to_their_shares():
    names = [str(number) for number in range(4_000)]
    classes = [[8] if number % 10 else [6, 15] if number % 100 else [] for number in range(4_000)]
    # cats 90 %, to be 8 %; buses and persons 9 % each, to be 5.5 and 30 %: the rarer of a picture's classes decides
    counts = Counter(balanced(names, classes))
    kept = [sum(counts[name] for name, held in zip(names, classes, strict=True) if label in held) for label in (8, 6)]
    assert kept[0] / 4_000 == pytest.approx(SHARES["cat"], abs=0.01)
    assert kept[1] / 4_000 == pytest.approx(SHARES["person"], abs=0.01)
    assert all(counts[name] == 1 for name, held in zip(names, classes, strict=True) if not held)
    assert balanced(names, classes) == balanced(names, classes)


def test_an_existing_folder_is_left_alone(voc, tmp_path):
    (tmp_path / "out" / "VOC2012").mkdir(parents=True)
    done = call(main, voc, "out", "--hold-out", "2", cwd=tmp_path, status=1)
    assert "is there already" in done.stderr and done.stderr.count("\n") == 1
    assert list((tmp_path / "out" / "VOC2012").iterdir()) == []


def test_a_folder_without_voc_is_a_sentence(tmp_path):
    done = call(main, tmp_path, "out", "--hold-out", "2", cwd=tmp_path, status=1)
    assert "holds no VOC 2012" in done.stderr and not (tmp_path / "out").exists()
