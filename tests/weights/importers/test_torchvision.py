"""Parity with torchvision's networks, with random weights and random batch-norm statistics."""

import pytest
import torch

import segkit.weights.vision_ops  # noqa: F401  before torchvision
from segkit.base.errors import WeightsError
from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD
from segkit.weights.build import build_model, load_classifier, load_model
from segkit.weights.files import read_weights

torchvision = pytest.importorskip("torchvision")


def normalised(images):
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (images - mean) / std


def features_of_resnet(resnet, x):
    x = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(x))))
    return resnet.layer4(resnet.layer3(resnet.layer2(resnet.layer1(x))))


@pytest.mark.parametrize(("width", "side"), [(1.0, 224), (1.0, 129), (0.5, 96)])
def test_mobilenet_v2(randomise, saved, difference, pictures, width, side):
    theirs = randomise(torchvision.models.mobilenet_v2(weights=None, width_mult=width))
    path = saved(theirs.state_dict())
    images = pictures(side)
    features = build_model("mobilenet_v2", output_stride=32, weights=path).eval().backbone
    with torch.no_grad():
        assert difference(load_classifier(path)(images), theirs(normalised(images))) < 1e-4
        # The last of torchvision's layers widens to 1280 channels, behind the map that DeepLab builds on.
        assert difference(features(normalised(images)), theirs.features[:-1](normalised(images))) < 1e-4
    assert read_weights(path).options == {"padding": "symmetric", "eps": 1e-5, "width": width, "divisor": 8}


def test_resnet101(randomise, saved, difference, pictures):
    theirs = randomise(torchvision.models.resnet101(weights=None))
    path = saved(theirs.state_dict())
    classifier = load_classifier(path)
    features = classifier.backbone
    for side in (224, 129):
        x = normalised(pictures(side)[:1])
        with torch.no_grad():
            assert difference(classifier(pictures(side)[:1]), theirs(x)) < 1e-4
            assert difference(features(x), features_of_resnet(theirs, x)) < 1e-4


@pytest.fixture
def deeplab(randomise):
    build = torchvision.models.segmentation.deeplabv3_resnet101
    network = build(weights=None, weights_backbone=None, aux_loss=True)
    # Without its upsampling, which is of no use here.
    network.forward = lambda x: network.classifier(network.backbone(x)["out"])
    return randomise(network)


def test_deeplabv3_resnet101(deeplab, saved, difference, pictures):
    path = saved(deeplab.state_dict())
    # torchvision's is built at output stride 8, with rates 12, 24 and 36.
    ours = build_model("resnet101", output_stride=8, weights=path).eval()
    for side in (161, 96):
        x = normalised(pictures(side)[:1])
        with torch.no_grad():
            features, their_features = ours.backbone(x), deeplab.backbone(x)["out"]
            assert difference(features, their_features) < 1e-4
            assert difference(ours.head(features), deeplab.classifier[0](their_features)) < 1e-4
    with pytest.raises(WeightsError, match=r"parts of a resnet101 segmentation network in torchvision's names"):
        load_model(path)


def test_other_resnets_are_refused(saved):
    path = saved(torchvision.models.resnet18(weights=None).state_dict())
    with pytest.raises(WeightsError, match="no importer knows these tensor names"):
        read_weights(path)
