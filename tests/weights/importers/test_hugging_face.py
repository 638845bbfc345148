"""Parity with transformers' classes, with random weights and random batch-norm statistics."""

import json

import pytest
import torch

from segkit.base.labels import VOC_CLASSES
from segkit.weights.build import build_model, load_classifier, load_model
from segkit.weights.files import read_weights
from segkit.weights.importers.hugging_face import classes_beside

transformers = pytest.importorskip("transformers")


@pytest.fixture
def oracle(randomise):
    """A function that builds one of transformers' classes, made to give its output as a plain tensor."""

    def build(name, **config):
        model = getattr(transformers, name)(getattr(transformers, f"MobileNet{name[9:11]}Config")(**config))
        model.config.return_dict = True
        return randomise(model)

    return build


def normalised(images):
    return images / 127.5 - 1


@pytest.mark.parametrize("side", [513, 224, (97, 130)])
@pytest.mark.parametrize("output_stride", [16, 8])
def test_segmentation(oracle, saved, difference, pictures, side, output_stride):
    theirs = oracle("MobileNetV2ForSemanticSegmentation", num_labels=21, output_stride=output_stride)
    images = pictures(*side)[:1] if isinstance(side, tuple) else pictures(side)[:1]
    ours = load_model(saved(theirs.state_dict()), output_stride=output_stride)
    with torch.no_grad():
        assert difference(ours.logits(images), theirs(normalised(images)).logits) < 1e-4
    assert ours.classes == VOC_CLASSES
    assert ours.canvas == 513
    assert not ours.training


@pytest.mark.parametrize(
    ("told", "classes"),
    [
        ({0: "background", 1: "disc", 2: "square"}, ("background", "disc", "square")),
        ({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, ("x", "y", "z")),
        ({0: "disc", 1: "square"}, ("x", "y", "z")),
        (["disc"], ("x", "y", "z")),
    ],
)
def test_a_config_beside_the_file_names_the_classes(oracle, saved, tmp_path, told, classes):
    theirs = oracle("MobileNetV2ForSemanticSegmentation", num_labels=3, depth_multiplier=0.35)
    saved(theirs.state_dict(), name="model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"id2label": told}))
    assert load_model(tmp_path, classes=("x", "y", "z")).classes == classes
    if classes != ("x", "y", "z"):
        assert load_model(tmp_path / "model.safetensors").classes == classes


def test_vocs_classes_are_called_as_everywhere(tmp_path):
    told = {number: name.replace("tv", "TV ") for number, name in enumerate(VOC_CLASSES)}
    (tmp_path / "config.json").write_text(json.dumps({"id2label": told}))
    assert classes_beside(tmp_path / "model.safetensors", 21) == VOC_CLASSES
    assert classes_beside(tmp_path / "model.safetensors", 20) is None
    (tmp_path / "config.json").write_text("{")
    assert classes_beside(tmp_path / "model.safetensors", 21) is None


def test_padding_matters_at_even_sides(oracle, saved, difference, pictures):
    theirs = oracle("MobileNetV2ForSemanticSegmentation", num_labels=21, output_stride=16, tf_padding=False)
    images = pictures(224)
    ours = load_model(saved(theirs.state_dict()))
    with torch.no_grad():
        assert difference(ours.logits(images), theirs(normalised(images)).logits) > 1e-2


@pytest.mark.parametrize("name", ["MobileNetV1Model", "MobileNetV2Model"])
@pytest.mark.parametrize("side", [224, 161])
def test_features(oracle, saved, difference, pictures, name, side):
    theirs = oracle(name)
    images = pictures(side)
    path = saved(theirs.state_dict())
    ours = build_model(name[:11].lower().replace("net", "net_"), output_stride=32, weights=path).eval()
    with torch.no_grad():
        features = ours.backbone(normalised(images))
        # MobileNetV2's last map is the one of 1280 channels, behind the one that DeepLab builds on.
        assert difference(features, theirs(normalised(images), output_hidden_states=True).hidden_states[-1]) < 1e-4
    assert read_weights(path).form == "backbone"


@pytest.mark.parametrize("name", ["MobileNetV1ForImageClassification", "MobileNetV2ForImageClassification"])
def test_classifier(oracle, saved, difference, pictures, name):
    theirs = oracle(name, num_labels=1001)
    images = pictures(224)
    ours = load_classifier(saved(theirs.state_dict()))
    with torch.no_grad():
        assert difference(ours(images), theirs(normalised(images)).logits) < 1e-4


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.4])
def test_widths(oracle, saved, difference, pictures, width):
    theirs = oracle("MobileNetV2ForImageClassification", num_labels=5, depth_multiplier=width)
    images = pictures(96)
    path = saved(theirs.state_dict())
    ours = load_classifier(path)
    with torch.no_grad():
        assert difference(ours(images), theirs(normalised(images)).logits) < 1e-4
    assert read_weights(path).options == {"padding": "tensorflow", "eps": 1e-3, "width": width, "divisor": 8}
