"""torchvision's segmentation networks, with random weights, as peers: computed, predicted and scored as they are."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch

from segkit.base.errors import WeightsError
from segkit.base.label_files import read_label
from segkit.base.labels import VOC_CLASSES, voc_palette
from segkit.base.pictures import save_picture
from segkit.data.shapes import ShapesDataset
from segkit.evaluation.inference import predict
from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD
from segkit.models.folding import prepare_to_predict
from segkit.weights.build import load_network
from segkit.weights.catalogue import CATALOGUE
from segkit.weights.torchvision_network import recognise_network
from segkit.weights.vision_ops import declare_missing_operators
from tests import command

declare_missing_operators()
torchvision = pytest.importorskip("torchvision")
models = torchvision.models

STRIDES = {
    "deeplabv3_mobilenet_v3_large": 16,
    "deeplabv3_resnet101": 8,
    "deeplabv3_resnet50": 8,
    "fcn_resnet101": 8,
    "fcn_resnet50": 8,
    "lraspp_mobilenet_v3_large": 8,
}
SHAPES = ShapesDataset("val", size=1, side=65).classes


def network(name, num_classes=21, **options):
    torch.manual_seed(0)
    return models.get_model(name, weights=None, weights_backbone=None, num_classes=num_classes, **options)


@pytest.fixture
def stored(tmp_path, randomise):
    """A function that saves one of torchvision's networks with random weights, and gives it and its path."""

    def stored(name, num_classes=21, **options):
        theirs = network(name, num_classes, **options)
        forward, theirs.forward = theirs.forward, lambda x: theirs.classifier(theirs.backbone(x)["out"])
        if "out" in theirs.backbone(torch.zeros(1, 3, 33, 33)):  # else it has other maps, and weights as they come
            randomise(theirs)
        theirs.forward = forward
        path = tmp_path / f"{name}.pth"
        torch.save(theirs.state_dict(), path)
        return theirs.eval(), path

    return stored


def test_all_of_torchvisions_networks_are_known_by_their_tensors():
    assert set(models.list_models(module=models.segmentation)) == set(STRIDES)
    for name, stride in STRIDES.items():
        with torch.device("meta"):
            tensors = network(name, 5).state_dict()
        found = recognise_network({f"module.{key}": tensor for key, tensor in tensors.items()})
        assert found is not None and (found.name, found.output_stride, found.num_classes) == (name, stride, 5)
    del tensors["classifier.cbr.0.weight"]
    assert recognise_network(tensors) is None


def test_classes_are_vocs_in_vocs_order():
    for name in STRIDES:
        background, *others = models.get_model_weights(name).DEFAULT.meta["categories"]
        assert background == "__background__" and tuple(others) == VOC_CLASSES[1:]


@torch.inference_mode()
@pytest.mark.parametrize("name", ["deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"])
def test_it_computes_what_torchvision_computes(stored, pictures, name):
    theirs, path = stored(name, **({"aux_loss": True} if name.startswith("deeplabv3") else {}))
    ours = load_network(path)
    theirs.to(memory_format=torch.channels_last)  # as ours is laid out
    images = pictures(70, 90)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    expected = theirs((images - mean) / std)["out"]
    assert torch.equal(ours(images), expected) and torch.equal(ours(images.float()), expected)
    stride = STRIDES[name]
    assert (ours.output_stride, ours.canvas, ours.side_step, ours.fixed_size) == (stride, None, 1, None)
    assert ours.logits(images).shape == (2, 21, -(-70 // stride), -(-90 // stride))
    assert (ours.classes, ours.palette, ours.device.type) == (VOC_CLASSES, voc_palette(21), "cpu")
    prepared = prepare_to_predict(ours)
    found = predict(prepared, images)  # not padded: the same pixels, and no others
    torch.testing.assert_close(found, expected.softmax(1), rtol=1e-4, atol=1e-5)


def test_what_it_refuses(stored):
    _, path = stored("lraspp_mobilenet_v3_large", 3)
    with pytest.raises(WeightsError, match=r"lraspp_mobilenet_v3_large, which has output stride 8 and no other: leave"):
        load_network(path, output_stride=16)
    assert load_network(path, output_stride=8, classes=("a", "b", "c")).classes == ("a", "b", "c")
    with pytest.raises(WeightsError, match="has 3 classes whose names it does not tell"):
        load_network(path)
    tensors = torch.load(path, weights_only=True)
    tensors["backbone.0.0.weight"] = torch.ones(16, 3, 5, 5)
    torch.save(tensors, path)
    with pytest.raises(WeightsError, match=r"backbone\.0\.0\.weight is \(16, 3, 5, 5\), not \(16, 3, 3, 3\)"):
        load_network(path, classes=("a", "b", "c"))


def test_their_names_are_in_the_catalogue():
    for name in STRIDES:
        assert CATALOGUE[f"torchvision_{name}"].whole


def test_evaluate_compare_and_predict_take_it(stored, tmp_path):
    run = partial(command.run, cwd=tmp_path)
    _, path = stored("deeplabv3_mobilenet_v3_large", len(SHAPES))
    (tmp_path / "shapes.yaml").write_text("model: {canvas: 513}\ndata: {kind: shapes, side: 65, val_size: 3}\n")
    said = run("evaluate", path, status=2).stderr
    assert "does not tell what data it was trained on: give a recipe with --data" in said
    run("evaluate", path, "--data", "shapes.yaml", "--json", "a.json", "--html", "a.html")
    run("evaluate", path, "--data", "shapes.yaml", "--json", "b.json", "--flip")
    protocol = json.loads((tmp_path / "a.json").read_text())["protocol"]
    assert protocol["output_stride"] == 16 and protocol["pictures"] == 3 and protocol["canvas"] != 513
    assert "<html" in (tmp_path / "a.html").read_text()
    assert "mIoU" in run("compare", "a.json", "b.json").stdout
    said = run("evaluate", path, "--data", "shapes.yaml", "--os", "8", status=1).stderr
    assert said.count("\n") == 1 and "has output stride 16 and no other" in said

    _, path = stored("deeplabv3_mobilenet_v3_large")
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    save_picture(tmp_path / "picture.png", picture)
    # In a process of its own, in which nothing but the command itself has made torchvision ready.
    process = [sys.executable, "-m", "segkit", "predict", path, "picture.png", "--out", "out"]
    subprocess.run(process, cwd=tmp_path, check=True, capture_output=True)
    model = load_network(path)
    expected = predict(model, torch.from_numpy(picture).permute(2, 0, 1)[None])[0].argmax(0)
    assert (read_label(tmp_path / "out/labels/picture.png") == expected.numpy()).mean() > 0.999
