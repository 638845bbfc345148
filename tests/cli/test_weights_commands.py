"""`segkit weights`, names in place of files, and `segkit submit`, each as a user runs it."""

import json
import tarfile
from functools import partial

import numpy as np
import pytest
import torch

from segkit.base.labels import VOC_CLASSES
from segkit.base.pictures import save_picture
from segkit.cli import weights
from segkit.models.build import build_network
from segkit.recipe.config import Config
from segkit.weights.catalogue import CATALOGUE
from segkit.weights.files import save_model
from tests import command
from tests.weights.tensorflow import writers
from tests.weights.tensorflow_names import TENSORFLOW, as_tensorflow


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs the command in a folder and with a cache of its own."""
    monkeypatch.setenv("SEGKIT_CACHE", str(tmp_path / "cache"))
    return partial(command.run, cwd=tmp_path)


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    save_model(path, build_network("mobilenet_v2", classes=VOC_CLASSES, aspp=False, options={"width": 0.25}))
    return path


def test_the_list(run, tmp_path):
    printed = run("weights", "--json", "list.json").stdout
    listed = json.loads((tmp_path / "list.json").read_text())
    assert [entry["name"] for entry in listed] == list(CATALOGUE)
    assert not any(entry["cached"] for entry in listed)
    for entry in listed:
        assert entry["name"] in printed and entry["published"] in printed and entry["licence"] in printed
        assert f"not cached; {entry['address']}" in printed
    assert f"cache: {tmp_path / 'cache'}" in printed


def test_a_file_in_the_cache_is_listed_checked_and_used_by_name(run, tmp_path, model):
    name = "google_deeplabv3_mobilenet_v2"
    place = tmp_path / "cache/hub/google/deeplabv3_mobilenet_v2_1.0_513/main/model.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(model.read_bytes())  # put there by hand; no network is asked
    fetched = run("weights", name).stdout
    assert f"{name} -> {place}\n  SHA-256 " in fetched
    assert f"cached: {place}" in run("weights").stdout and fetched.split()[-1] in run("weights").stdout
    save_picture(tmp_path / "picture.png", np.zeros((20, 30, 3), np.uint8))
    run("predict", name, "picture.png", "--out", "by_name")
    run("predict", model, "picture.png", "--out", "by_file")
    labels = [(tmp_path / out / "labels/picture.png").read_bytes() for out in ("by_name", "by_file")]
    assert labels[0] == labels[1]


@pytest.mark.parametrize("arguments", [("weights",), ("evaluate",), ("predict", "picture.png", "--out", "out")])
def test_a_name_not_known_offers_the_nearest(run, tmp_path, arguments):
    save_picture(tmp_path / "picture.png", np.zeros((20, 30, 3), np.uint8))
    command, *rest = arguments
    said = run(command, "google_mobilenet_v3", *rest, status=1).stderr
    assert said.startswith("segkit: google_mobilenet_v3: there is no such file")
    assert "did you mean google_mobilenet_v" in said and said.count("\n") == 1


def test_convert_says_what_is_read_and_writes_it_once(run, tmp_path):
    torch.manual_seed(0)
    options = {**TENSORFLOW, "width": 0.25, "divisor": 1}
    variables = as_tensorflow(build_network("mobilenet_v2", classes=VOC_CLASSES, aspp=False, options=options))
    index = writers.write_bundle(tmp_path / "coco_voc_trainval/model.ckpt-7", variables)
    with tarfile.open(tmp_path / "zoo.tar.gz", "w:gz") as archive:
        archive.add(index.parent, "coco_voc_trainval")
    printed = run("weights", "convert", "zoo.tar.gz", "own.safetensors").stdout
    assert "note: zoo.tar.gz: model.ckpt-7.index is read (a checkpoint (.index) goes before" in printed
    assert "zoo.tar.gz -> own.safetensors" in printed and "zoo.tar.gz: SHA-256 " in printed
    refused = run("weights", "convert", "zoo.tar.gz", "own.safetensors", status=1).stderr
    assert "own.safetensors is there already" in refused and refused.count("\n") == 1
    printed = run("weights", "convert", "coco_voc_trainval", "second.safetensors").stdout
    assert "note: coco_voc_trainval: model.ckpt-7.index is read" in printed
    assert "trained on COCO, VOC trainval" in printed
    save_picture(tmp_path / "picture.png", np.zeros((20, 30, 3), np.uint8))
    for weights_file in ("own.safetensors", "coco_voc_trainval/model.ckpt-7"):
        run("predict", weights_file, "picture.png", "--out", weights_file.partition("/")[0] + "_out")
    labels = [
        (tmp_path / f"{out}_out/labels/picture.png").read_bytes() for out in ("own.safetensors", "coco_voc_trainval")
    ]
    assert labels[0] == labels[1]


def test_submit(run, tmp_path, model):
    folder = tmp_path / "VOC2012"
    for name, size in (("a", (20, 30)), ("b", (35, 18))):
        save_picture(folder / "JPEGImages" / f"{name}.jpg", np.full((*size, 3), 90, np.uint8))
    (folder / "ImageSets/Segmentation").mkdir(parents=True)
    (folder / "ImageSets/Segmentation/test.txt").write_text("b\na\n")
    (tmp_path / "voc.yaml").write_text("data: {kind: voc, root: VOC2012}\n")
    (tmp_path / "shapes.yaml").write_text("data: {kind: shapes}\n")
    done = run("submit", model, "--data", "voc.yaml", "--os", "8", "--out", "out/results.tgz", "--competition", "comp5")
    assert "2 label maps at output stride 8 in out/results.tgz" in done.stdout
    with tarfile.open(tmp_path / "out/results.tgz") as archive:
        assert archive.getnames() == [f"results/VOC2012/Segmentation/comp5_test_cls/{name}.png" for name in "ba"]
    for arguments, status, said in (
        (["--data", "shapes.yaml"], 2, "of the kind shapes"),
        (["--data", "voc.yaml", "--out", "results.zip"], 2, "give it a name that ends so"),
        (["--data", "voc.yaml", "--competition", "comp7"], 2, "choose comp5 or comp6"),
        (["--data", "voc.yaml", "--split", "val"], 1, "val.txt is missing"),
        (["--data", "voc.yaml", "data.root=nowhere"], 1, "data.root: nowhere is neither in the recipe's folder"),
    ):
        refused = run("submit", model, *arguments, status=status)
        assert said in refused.stderr and refused.stderr.count("\n") == 1
        assert not list(tmp_path.glob("results.*"))


def test_a_run_that_was_saved_fetches_only_its_teacher(tmp_path, monkeypatch):
    fetched = []
    monkeypatch.setattr(weights, "obtain", lambda name, **_: fetched.append(name))
    recipe = Config(model={"weights": "imagenet"}, train={"teacher": "teacher"})
    weights.obtain_start(recipe, tmp_path)
    assert fetched == ["imagenet", "teacher"]
    (tmp_path / "state.safetensors").write_bytes(b"")
    weights.obtain_start(recipe, tmp_path)
    assert fetched == ["imagenet", "teacher", "teacher"]
