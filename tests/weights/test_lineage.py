"""What is behind weights: by their metadata, the catalogue and their names."""

import shutil
from pathlib import Path

import pytest
import torch

from segkit.models.build import build_network
from segkit.weights import lineage
from segkit.weights.cache import cached_file
from segkit.weights.catalogue import CATALOGUE
from segkit.weights.files import save_model
from segkit.weights.lineage import UNTOLD, Lineage, read_lineage
from tests.weights.tensorflow import writers


def trained(path: Path, *, weights: str | None, data: dict | None, **training) -> Path:
    """A file as a training by such a recipe leaves it."""
    model = build_network("mobilenet_v2", classes=("a", "b"), aspp=False, options={"width": 0.25})
    config = {"model": {"weights": weights}, "train": {"iterations": 400}} | ({} if data is None else {"data": data})
    save_model(path, model, training={"config": config, "iteration": 200, **training})
    return path


VOC = {"kind": "voc", "root": "somewhere/VOC2012", "train_split": "train_aug"}
COCO = {"kind": "folder", "root": "data/coco2017", "train_split": "train"}


def test_a_chain_of_trainings_is_followed(tmp_path: Path) -> None:
    first = trained(tmp_path / "first.safetensors", weights="imagenet", data=COCO)
    second = trained(tmp_path / "second.safetensors", weights=str(first), data=VOC, teacher="there/large.pth")
    found = read_lineage(second)
    assert found == Lineage(("ImageNet", "VOC train_aug", "coco2017 train"), 400, 200, "large.pth")
    assert found.from_coco and found.is_told and Lineage.of_protocol(found.to_protocol()) == found
    assert Lineage.of_protocol({"taught_by": "elsewhere/large.pth"}).taught_by == "large.pth"  # the same teacher
    assert not read_lineage(trained(tmp_path / "alone.safetensors", weights=None, data=VOC)).from_coco
    first.unlink()
    assert read_lineage(second).trained_on == ("VOC train_aug", UNTOLD)
    third = trained(tmp_path / "third.safetensors", weights=str(first), data=VOC, behind=["COCO", "ImageNet"])
    assert read_lineage(third).trained_on == ("COCO", "ImageNet", "VOC train_aug")  # as it was when it began


def test_a_file_that_names_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "loop.safetensors"
    assert read_lineage(trained(path, weights=str(path), data=VOC)).trained_on == ("VOC train_aug", UNTOLD)


def test_data_given_from_python_are_not_told(tmp_path: Path) -> None:
    assert not read_lineage(trained(tmp_path / "own.safetensors", weights=None, data=None)).is_told


@pytest.mark.parametrize(
    ("name", "trained_on"),
    [
        ("deeplab_coco_voc_trainval.pth", ("COCO", "VOC trainval")),
        ("deeplab_coco_train_aug.pth", ("COCO", "VOC train_aug")),
        ("classifier.pth", ("ImageNet",)),
        ("other.pth", (UNTOLD,)),
    ],
)
def test_foreign_files_are_told_by_name_or_form(tmp_path: Path, name: str, trained_on: tuple[str, ...]) -> None:
    path = tmp_path / name
    tensors = {"x": torch.zeros(1)} if name == "other.pth" else _torchvision_classifier()
    torch.save(tensors, path)
    assert read_lineage(path).trained_on == trained_on


def _torchvision_classifier() -> dict[str, torch.Tensor]:
    import segkit.weights.vision_ops  # noqa: F401  before torchvision

    models = pytest.importorskip("torchvision").models
    return models.mobilenet_v2(weights=None).state_dict()


def test_the_catalogue_tells_by_name_cached_file_and_checksum(tmp_path: Path, monkeypatch) -> None:
    assert read_lineage("torchvision_resnet101_v1").trained_on == ("ImageNet",)
    google = read_lineage("google_deeplabv3_mobilenet_v2")
    assert google.from_coco and not google.is_told  # of train_aug or trainval: the hub does not tell
    monkeypatch.setenv("SEGKIT_CACHE", str(tmp_path))
    cached = cached_file(CATALOGUE["torchvision_fcn_resnet50"].address)
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"anything")
    assert read_lineage(cached).trained_on == ("COCO", "ImageNet")
    copy = tmp_path / "renamed.pth"
    shutil.copy(cached, copy)
    known = CATALOGUE["torchvision_fcn_resnet50"].sha256
    monkeypatch.setattr(lineage, "file_digest", lambda path: f"{known}0123")
    cached.unlink()
    assert read_lineage(copy).trained_on == ("COCO", "ImageNet")


@pytest.mark.parametrize(
    ("trained_on", "data", "split", "seen"),
    [
        ("VOC trainval", "voc", "val", True),
        ("VOC trainval", "voc", "train", True),
        ("VOC val", "voc", "val", True),
        ("VOC train_aug", "voc", "val", False),
        ("VOC trainval", "shapes", "val", False),
    ],
)
def test_what_was_seen(trained_on: str, data: str, split: str, seen: bool) -> None:
    assert Lineage((trained_on,)).has_seen(data, split) is seen


@pytest.mark.parametrize(
    ("name", "trained_on"),
    [
        ("deeplabv3_mnv2_pascal_train_aug/model.ckpt-30000", ("COCO", "ImageNet", "VOC train_aug")),
        (
            "deeplabv3_mnv2_pascal_trainval/model.ckpt-30000.index",
            ("COCO", "ImageNet", "VOC train_aug", "VOC trainval"),
        ),
        ("own_voc_trainval/model.ckpt-7", ("VOC trainval",)),
        ("downloads/model.ckpt-7", (UNTOLD,)),
    ],
)
def test_a_checkpoint_is_told_by_its_folder(tmp_path: Path, name: str, trained_on: tuple[str, ...]) -> None:
    index = tmp_path / f"{name.removesuffix('.index')}.index"
    writers.write_bundle(index.with_suffix(""), {"global_step": torch.tensor(1)})
    assert read_lineage(tmp_path / name).trained_on == trained_on
