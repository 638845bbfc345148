"""Trainings in turn: the two stages of a table's networks, what is looked for first, and going on after a stop."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from segkit.base.errors import ConfigError, DataError, WeightsError
from segkit.base.label_files import save_label
from segkit.base.labels import VOC_CLASSES, voc_palette
from segkit.base.pictures import save_picture
from segkit.benchmark import published
from segkit.benchmark.published import R101_ASPP, V1_ASPP, V2, V2_ASPP
from segkit.cli.main import main
from segkit.cli.trainings import train_table
from segkit.recipe.shipped import recipes_folder
from segkit.training import train as module
from segkit.weights.files import read_training

FOUR = ("mobilenet_v1_aspp", "mobilenet_v2", "mobilenet_v2_aspp", "mobilenet_v2_x0.5", "resnet101_aspp")


def _write(picture: Path, label: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    save_picture(picture, rng.integers(0, 256, (40, 50, 3)).astype(np.uint8))
    save_label(label, rng.integers(0, 3, (40, 50)).astype(np.uint8), voc_palette(21))


def _lists(folder: Path, **lists: tuple[str, ...]) -> None:
    folder.mkdir(parents=True)
    for split, names in lists.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A VOC2012 and a coco2017 of four pictures each, in the layouts that `segkit data get` makes."""
    folder = tmp_path_factory.mktemp("data")
    voc, coco = folder / "VOC2012", folder / "coco2017"
    for seed, name in enumerate("abcd"):
        of_voc, of_coco = ("SegmentationClassAug", "train") if seed < 2 else ("SegmentationClass", "val")
        _write(voc / "JPEGImages" / f"{name}.jpg", voc / of_voc / f"{name}.png", seed)
        _write(coco / f"{of_coco}2017" / f"{name}.jpg", coco / "voc" / of_coco / f"{name}.png", 10 + seed)
    _lists(voc / "ImageSets" / "Segmentation", train_aug=("a", "b"), val=("c", "d"))
    for split, names in {"train": "ab", "val": "cd"}.items():
        (coco / "voc" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
    return folder


@pytest.fixture
def runs(monkeypatch):
    """The trainings that are begun, in order, as (recipe, folder); each leaves a file of best weights."""
    begun = []

    def train(recipe, folder, *, resume, listen):
        begun.append((recipe, folder))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "best.safetensors").touch()

    monkeypatch.setattr(module, "train", train)
    return begun


def table(data, out, *overrides, names=FOUR, **options):
    options = {"coco": True, "coco_root": data / "coco2017", **options}
    given = [f"data.root={data / 'VOC2012'}", *overrides]
    return train_table(names, recipes_folder(), given, out, **options)


def test_each_network_is_trained_on_coco_and_then_on_voc_from_that(data, tmp_path, runs):
    overrides = ["model.weights=null", "train.iterations=7", "data.train_split=train_aug"]
    weights = table(data, tmp_path, *overrides)
    assert set(weights) == {V1_ASPP, V2, V2_ASPP, R101_ASPP}  # not x0.5
    assert len(runs) == 8
    for (first, its_folder), (second, folder) in zip(runs[::2], runs[1::2], strict=True):
        network = its_folder.name.removeprefix("coco_")
        assert folder == tmp_path / f"voc_{network}_coco"
        assert first.data.classes == VOC_CLASSES and first.data.root == str(data / "coco2017")
        assert first.model.weights is None and first.data.train_split == "train"
        assert second.model.weights == os.path.abspath(its_folder / "best.safetensors")
        assert second.data.kind == "voc" and second.data.root == str(data / "VOC2012")
        assert first.train.iterations == second.train.iterations == 7
        assert weights[published.NETWORKS[network]] == folder / "best.safetensors"


def test_without_coco_one_stage_in_a_folder_of_its_name(data, tmp_path, runs):
    weights = table(data, tmp_path, "model.weights=null", names=["mobilenet_v2"], coco=False, coco_root=None)
    assert [folder for _, folder in runs] == [tmp_path / "mobilenet_v2"]
    assert weights == {V2: tmp_path / "mobilenet_v2" / "best.safetensors"}


def test_what_is_missing_is_told_before_the_first_training(data, tmp_path, runs):
    with pytest.raises(DataError, match="nowhere"):
        table(data, tmp_path, "model.weights=null", "data.root=nowhere")
    with pytest.raises(DataError, match="nowhere"):
        table(data, tmp_path, "model.weights=null", coco_root=tmp_path / "nowhere")
    with pytest.raises(WeightsError, match=r"none\.pth"):
        table(data, tmp_path, "model.weights=none.pth")
    with pytest.raises(ConfigError, match=r"coco_mobilenet_v2.yaml: there is no such recipe"):
        train_table(["mobilenet_v2"], tmp_path, [], tmp_path, coco=True, coco_root=None)
    assert runs == []


@pytest.mark.slow
def test_two_stages_stopped_in_the_second_go_on_there(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(published, "NETWORKS", {"mobilenet_v2": V2})
    monkeypatch.chdir(tmp_path)
    small = ["train.iterations=2", "train.batch_size=2", "train.crop=33", "train.evaluate_every=1", "train.workers=0"]
    small += ["model.weights=null", "model.canvas=65", "train.log_every=1", "train.precision=fp32"]
    command = ["segkit", "benchmark", "--train", "--coco", "--coco-root", str(data / "coco2017"), "--no-latency"]
    command += ["--limit", "1", "--json", "table.json", f"data.root={data / 'VOC2012'}", *small]
    monkeypatch.setattr(sys, "argv", command)
    real = module.train

    def stopped(recipe, folder, *, resume, listen):
        def listen_until(event):
            listen(event)
            if getattr(event, "iteration", None) == 2 and folder.name == "voc_mobilenet_v2_coco":
                raise KeyboardInterrupt

        return real(recipe, folder, resume=resume, listen=listen_until)

    with monkeypatch.context() as patch:
        patch.setattr(module, "train", stopped)
        with pytest.raises(SystemExit):
            main()
    first, second = (tmp_path / "runs/benchmark" / name for name in ("coco_mobilenet_v2", "voc_mobilenet_v2_coco"))
    before = (first / "best.safetensors").stat().st_mtime_ns
    capsys.readouterr()
    with pytest.raises(SystemExit, match="0"):
        main()
    printed = capsys.readouterr().out
    assert "note: resumed after 2 of 2 iterations" in printed and "note: resumed after 1 of 2 iterations" in printed
    assert (first / "best.safetensors").stat().st_mtime_ns == before
    stored = read_training(second / "best.safetensors")
    assert stored["config"]["model"]["weights"] == str(first / "best.safetensors")
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    (measured,) = (row["measured"] for row in rows if row["name"] == "mobilenet_v2-os16")
    assert measured["protocol"]["pictures"] == 1 and len(measured["protocol"]["trained_on"]) == 2
