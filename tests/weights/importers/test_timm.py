"""Parity with timm's networks, with random weights and random batch-norm statistics."""

import pytest
import torch

import segkit.weights.vision_ops  # noqa: F401  before timm, which imports torchvision
from segkit.base.errors import WeightsError
from segkit.weights.build import load_classifier
from segkit.weights.files import read_weights

timm = pytest.importorskip("timm")


@pytest.mark.parametrize(("name", "backbone"), [("mobilenetv1_100", "mobilenet_v1"), ("resnet101s", "resnet101")])
def test_parity(randomise, saved, difference, pictures, name, backbone):
    theirs = randomise(timm.create_model(name))
    path = saved(theirs.state_dict())
    classifier = load_classifier(path)
    assert classifier.architecture["backbone"] == backbone
    # The normalisation is the one that the published weights of this name were trained with.
    mean, std = (torch.tensor(theirs.pretrained_cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    for side in (224, 129):
        images = pictures(side)[:1]
        x = (images / 255 - mean) / std
        with torch.no_grad():
            assert difference(classifier(images), theirs(x)) < 1e-4
            assert difference(classifier.backbone(x), theirs.forward_features(x)) < 1e-4


def test_without_classifier(saved):
    theirs = timm.create_model("mobilenetv1_100", num_classes=0)
    assert read_weights(saved(theirs.state_dict())).form == "backbone"


def test_others_are_refused(saved):
    for name in ("mobilenetv2_100", "efficientnet_b0", "resnet50s"):
        with pytest.raises(WeightsError, match="no importer knows these tensor names"):
            read_weights(saved(timm.create_model(name).state_dict(), f"{name}.safetensors"))
    # Most of its names are the same, but it has other shortcuts and a narrower stem.
    with pytest.raises(WeightsError, match=r"does not fit the network: backbone\.blocks\.0\.0\.shortcut"):
        load_classifier(saved(timm.create_model("resnet101d").state_dict()))
