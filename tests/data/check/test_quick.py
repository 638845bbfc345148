"""The look before a training: each fault is found, named with its file, and nothing is raised."""

import time
from pathlib import Path

import numpy as np
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, voc_palette
from segkit.data.check.quick import _spread, check_dataset
from segkit.data.dataset import Sample
from segkit.data.finding import Finding
from segkit.data.folder import FolderDataset
from segkit.data.voc import VocDataset


def _make(root: Path, labels: dict[str, object], **options: object) -> FolderDataset:
    (root / "images").mkdir(exist_ok=True)
    for name, values in labels.items():
        label = np.atleast_2d(np.asarray(values, np.uint8))
        shades = np.linspace(0, 255, label.size).reshape(label.shape).astype(np.uint8)
        Image.fromarray(np.repeat(shades[..., None], 3, axis=2)).save(root / "images" / f"{name}.jpg")
        save_label(root / "labels" / f"{name}.png", label, voc_palette(3))
    settings = {"split": "train", "classes": ["ground", "thing"], "images": "images", "labels": "labels"}
    return FolderDataset(root, **{**settings, **options})  # type: ignore[arg-type]


def _told(findings: list[Finding]) -> list[tuple[str, str]]:
    return sorted((finding.level, Path(finding.file).name) for finding in findings)


class _Arrays:
    """A data set without files, such as the shapes."""

    classes = ("ground", "thing")
    palette = voc_palette(2)

    def __init__(self, samples: list[Sample | DataError]) -> None:
        self.samples = samples
        self.ids = [f"sample {number}" for number in range(len(samples))]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        sample = self.samples[index]
        if isinstance(sample, DataError):
            raise sample
        return sample


def test_nothing_is_wrong(tmp_path: Path) -> None:
    assert check_dataset(_make(tmp_path, {"a": [0, 1], "b": [0, IGNORE]})) == []


def test_values_outside_the_classes(tmp_path: Path) -> None:
    findings = check_dataset(_make(tmp_path, {"a": [0, 1], "b": [0, 7], "c": [2, 1]}))
    assert _told(findings) == [("error", "b.png"), ("error", "c.png")]
    for finding in findings:
        assert finding.file in finding.message
        assert "`mapping`" in finding.message


def test_masks_saved_to_be_looked_at(tmp_path: Path) -> None:
    dataset = _make(tmp_path, {"a": [0, 0], "b": [0, IGNORE]})
    (finding,) = check_dataset(dataset)
    assert (finding.level, Path(finding.file).name) == ("error", "b.png")
    assert "`mapping` as {255: 1}" in finding.message
    assert check_dataset(_make(tmp_path, {}, mapping={255: 1})) == []
    findings = check_dataset(_make(tmp_path, {"a": [0, 1], "b": [0, 128, IGNORE]}))
    assert _told(findings) == [("error", "b.png")]
    assert "a mask saved to be looked at" in findings[0].message


def test_sizes_that_differ_and_broken_files_are_all_told(tmp_path: Path) -> None:
    dataset = _make(tmp_path, {"a": [0, 1], "b": [0, 1], "c": np.zeros((64, 64)), "d": [0, 9], "e": [0, 1]})
    save_label(dataset.labels[0], np.zeros((3, 1), np.uint8), voc_palette(2))
    dataset.pictures[1].unlink()
    dataset.pictures[2].write_bytes(dataset.pictures[2].read_bytes()[:-100])
    dataset.pictures[3].write_text("a text")  # and its label is wrong too
    dataset.labels[4].write_bytes(b"")
    findings = check_dataset(dataset)
    errors = sorted(Path(finding.file).name for finding in findings if finding.level == "error")
    assert errors == ["a.png", "b.jpg", "c.jpg", "d.jpg", "d.png", "e.png"]


def test_missing_partners(tmp_path: Path) -> None:
    _make(tmp_path, {"a": [0, 1], "b": [0, 1], "c": [0, 1], "d": [0, 1]})
    for name in ("labels/a.png", "labels/b.png", "images/d.jpg"):
        (tmp_path / name).unlink()
    findings = check_dataset(_make(tmp_path, {}))
    assert _told(findings) == [("warning", "a.jpg"), ("warning", "d.png")]
    assert findings[0].message.endswith("take the picture out (and 1 more)")
    assert "has no picture of the same name" in findings[1].message


def test_class_that_never_occurs(tmp_path: Path) -> None:
    (finding,) = check_dataset(_make(tmp_path, {"a": [0, 2]}, classes=["ground", "thing", "other"]))
    assert finding == Finding(
        "warning",
        "",
        "the class 'thing' does not occur in the labels looked at (1 of 1): "
        "check the order of `classes` and the `mapping`, or add pictures of it",
        "class not in train",
    )


def test_nothing_but_ignore(tmp_path: Path) -> None:
    findings = check_dataset(_make(tmp_path, {"a": [0, 1], "b": [IGNORE, IGNORE], "c": [IGNORE, IGNORE]}))
    assert _told(findings) == [("warning", "b.png")]
    assert "holds nothing but 255 (not labelled): label it or take it out (and 1 more)" in findings[0].message


def test_data_sets_without_files() -> None:
    picture, label = np.zeros((2, 2, 3), np.uint8), np.array([[0, 1], [1, 0]], np.uint8)
    good, small, wrong = Sample(picture, label, "g"), Sample(picture, label[:1], "s"), Sample(picture, label + 1, "w")
    assert check_dataset(_Arrays([good])) == []
    findings = check_dataset(_Arrays([good, small, wrong, DataError("it is gone")]))
    assert _told(findings) == [("error", "s"), ("error", "sample 3"), ("error", "w")]
    assert "it is gone" in [finding.message for finding in findings]
    assert [finding.level for finding in check_dataset(_Arrays([]))] == ["error"]


def test_the_sample_is_spread_evenly() -> None:
    assert sorted(_spread(5, 100)) == [0, 1, 2, 3, 4]
    assert _spread(1, 1) == [0]
    order = _spread(1000, 100)
    assert len(set(order)) == 100
    for looked in (10, 25, 50):  # wherever the time ends
        gaps = np.diff(sorted(order[:looked]))
        assert gaps.max() <= 4 * 1000 / looked


def test_the_time_is_kept(tmp_path: Path) -> None:
    dataset = _make(tmp_path, {f"{number:02}": [0, 9] for number in range(20)})
    assert len(check_dataset(dataset, seconds=0.0)) == 1
    assert len(check_dataset(dataset, sample=7)) == 7


def test_voc_and_camvid_are_sound(shared: Path) -> None:
    start = time.monotonic()
    findings = check_dataset(VocDataset(shared / "data/voc2012", "val"), seconds=1.0)
    assert time.monotonic() - start < 4
    assert [finding for finding in findings if finding.level == "error"] == []
    names = [f"class {label}" for label in range(11)]
    camvid = FolderDataset(shared / "data/camvid", split="train", classes=names, ignore=11)
    assert check_dataset(camvid, seconds=1.0) == []
    wrong = FolderDataset(shared / "data/camvid", split="train", classes=names[:10], ignore=11)
    assert "holds the label value 10" in check_dataset(wrong, sample=20)[0].message
