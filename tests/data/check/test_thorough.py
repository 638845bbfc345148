"""Figures of a check, its weights, what is alike and what is not, and the work shared between processes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, voc_palette
from segkit.base.pictures import read_picture, read_reduced
from segkit.data.check.examples import read_examples
from segkit.data.check.figures import SplitFigures, median_frequency_weights
from segkit.data.check.fingerprint import fingerprint, same_pictures
from segkit.data.check.thorough import check_splits
from segkit.data.dataset import Sample
from segkit.data.folder import FolderDataset
from segkit.data.shapes import ShapesDataset
from segkit.data.voc import VocDataset
from tests.data.check.conftest import CLASSES

CAMVID = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")


def _splits(root: Path, names: tuple[str, ...] = ("train", "val")) -> dict[str, FolderDataset]:
    return {name: FolderDataset(root, split=name, classes=CLASSES, ignore=11) for name in names}


def _pair(root: Path, split: str, name: str, label: np.ndarray, size: tuple[int, int] = (40, 40)) -> None:
    (root / "images" / split).mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(name)).integers(0, 255, (*size, 3)).astype(np.uint8)
    Image.fromarray(noise).save(root / "images" / split / f"{name}.png")
    save_label(root / "labels" / split / f"{name}.png", label, voc_palette(3))


def test_figures_of_hand_made_labels(tmp_path: Path) -> None:
    first, second = np.zeros((40, 40), np.uint8), np.ones((40, 40), np.uint8)
    first[:10] = 1
    second[:20] = IGNORE
    second[20:21] = 0
    _pair(tmp_path, "train", "a", first)
    _pair(tmp_path, "train", "bb", second)
    dataset = FolderDataset(tmp_path, split="train", classes=["ground", "thing", "other"])
    found = check_splits({"train": dataset}, train="train")
    (split,) = found.splits
    assert split == SplitFigures(
        "train",
        pictures=2,
        pixels=(1240, 1160, 0),
        holding=(2, 2, 0),
        beside=(2400, 2400, 0),
        ignored=800,
        sizes=((40, 40, 2),),
    )
    assert [finding.kind for finding in found.findings] == ["class not in train"]
    assert found.class_weights == pytest.approx((1200 / 1240, 1200 / 1160, 1), abs=1e-3)
    assert found.errors == 0 and found.to_json()["splits"][0]["pixels"] == (1240, 1160, 0)


def test_weights_by_median_frequency() -> None:
    # Frequencies 0.5, 0.1 and 0.4; the fourth class does not occur.
    figures = SplitFigures("train", 9, (500, 20, 400, 0), (9, 2, 9, 0), (1000, 200, 1000, 0), 0, ())
    assert median_frequency_weights(figures) == (0.8, 4, 1, 1)
    assert median_frequency_weights(SplitFigures("train", 1, (0, 0), (0, 0), (0, 0), 5, ())) is None


def test_processes_find_what_one_finds(drawn: Path, tmp_path: Path) -> None:
    label = np.zeros((40, 40), np.uint8)
    label[3] = 1
    for number in range(70):
        _pair(tmp_path, "train", "x" * number + "x", label)
    (tmp_path / "images/train/xxx.png").write_bytes(b"")
    dataset = FolderDataset(tmp_path, split="train", classes=["ground", "thing"])
    calls: list[tuple[int, int]] = []
    alone = check_splits({"train": dataset}, train="train")
    shared = check_splits(
        {"train": dataset}, train="train", workers=2, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(done, 70) for done in range(1, 71)]
    assert alone.findings == shared.findings and len(alone.findings) == 1
    assert alone.splits == shared.splits and alone.examples == shared.examples


def test_reduced_pictures_are_the_same_and_refuse_the_same(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(600), np.arange(900))[..., None] % 256 * np.ones(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth.astype(np.uint8)).save(path, exif=exif)
    small, size = read_reduced(path, side=128)
    assert size == (600, 900) == read_picture(path).shape[1::-1]
    assert small.shape == (225, 150, 3)
    assert read_reduced(path, side=700)[0].shape == (900, 600, 3)


def test_flat_pictures_are_not_alike_and_equal_ones_are() -> None:
    black, white = (np.full((50, 60, 3), value, np.uint8) for value in (0, 250))
    pairs = same_pictures(
        [fingerprint(black), None], [None, fingerprint(white), fingerprint(black)], lambda i, j: False
    )
    assert pairs == [(0, 2, True)]
    assert same_pictures([None], [fingerprint(black)], lambda i, j: False) == []


def test_other_pictures_of_one_kind_are_not_alike() -> None:
    sets = {name: ShapesDataset(name, size=30, side=65, seed=0) for name in ("train", "val")}
    found = check_splits(sets, train="train")
    assert [finding for finding in found.findings if finding.level == "error" or "same" in finding.kind] == []


def test_the_same_split_twice_is_told(drawn: Path) -> None:
    train = _splits(drawn, ("train",))["train"]
    found = check_splits({"train": train, "val": train}, train="train")
    assert found.errors == len(train)
    assert "is in both train and val" in found.findings[0].message


def test_names_that_only_count_are_no_finding(tmp_path: Path) -> None:
    label = np.zeros((40, 40), np.uint8)
    label[3] = 1
    _pair(tmp_path, "train", "img_0001", label)
    _pair(tmp_path, "val", "img_0001", label)
    noise = np.random.default_rng(99).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "images/val/img_0001.png")
    sets = {name: FolderDataset(tmp_path, split=name, classes=["ground", "thing"]) for name in ("train", "val")}
    assert check_splits(sets, train="train").findings == ()


def test_a_file_that_may_be_meant_is_named(drawn: Path, tmp_path: Path) -> None:
    label = np.zeros((40, 40), np.uint8)
    label[3] = 1
    for name in ("a", "Bb", "ccc"):
        _pair(tmp_path, "train", name, label)
    (tmp_path / "labels/train/Bb.png").rename(tmp_path / "labels/train/bb.png")
    (tmp_path / "labels/train/ccc.png").rename(tmp_path / "labels/train/ccc.bmp")
    dataset = FolderDataset(tmp_path, split="train", classes=["ground", "thing"])
    told = {Path(finding.file).name: finding.message for finding in check_splits({"t": dataset}, train="t").findings}
    assert told["Bb.png"].endswith("there is bb.png, give both one name")
    assert told["ccc.png"].endswith("there is ccc.bmp, but labels have to be PNGs")
    assert set(told) == {"Bb.png", "bb.png", "ccc.png"}


def test_examples_show_every_class_and_what_is_wrong(drawn: Path, tmp_path: Path) -> None:
    sets = _splits(drawn)
    found = check_splits(sets, train="train")
    examples = list(read_examples(found.examples, sets))
    assert len(examples) == 16 and {label for example in examples for label in example.classes} == set(CLASSES)
    label = np.zeros((40, 40), np.uint8)
    _pair(tmp_path, "train", "a", label + 9)
    _pair(tmp_path, "train", "bb", label)
    (tmp_path / "images/train/bb.png").write_text("no picture")
    dataset = FolderDataset(tmp_path, split="train", classes=["ground", "thing"])
    found = check_splits({"train": dataset}, train="train")
    (example,) = read_examples(found.examples, {"train": dataset})
    assert (example.name, example.note, example.labelled) == ("a", "label values", False)


def test_a_set_of_one_class_with_a_label_of_nothing(tmp_path: Path) -> None:
    for name, value in (("a", 0), ("bb", IGNORE)):
        _pair(tmp_path, "train", name, np.full((40, 40), value, np.uint8))
    dataset = FolderDataset(tmp_path, split="train", classes=["ground"])
    (finding,) = check_splits({"train": dataset}, train="train").findings
    assert finding.kind == "not labelled" and Path(finding.file).name == "bb.png"
    assert finding.message.endswith("bb.png holds nothing but 255 (not labelled): label it or take it out")


def test_labels_of_a_set_without_files_that_are_no_class() -> None:
    shapes = ShapesDataset("train", size=2, side=33)
    samples = [Sample(image, np.full_like(label, 9), name) for image, label, name in (shapes[0], shapes[1])]

    class Wrong:
        classes, palette, ids = ("ground", "thing"), voc_palette(2), [sample.name for sample in samples]

        def __len__(self) -> int:
            return len(samples)

        def __getitem__(self, index: int) -> Sample:
            return samples[index]

    findings = check_splits({"train": Wrong()}, train="train").findings
    assert [(finding.level, finding.kind, finding.file) for finding in findings] == [
        ("error", "label values", "train_00000"),
        ("error", "label values", "train_00001"),
    ]


@pytest.mark.slow
def test_camvid_and_voc_are_sound(shared: Path) -> None:
    names = ("train", "val", "test")
    camvid = {name: FolderDataset(shared / "data/camvid", split=name, classes=CAMVID, ignore=11) for name in names}
    assert check_splits(camvid, train="train").findings == ()
    voc = VocDataset(shared / "data/voc2012", "val")
    findings = check_splits({"val": voc}, train="train").findings
    assert [finding for finding in findings if finding.level == "error"] == []
