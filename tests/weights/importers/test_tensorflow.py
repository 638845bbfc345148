"""TensorFlow's variables: our own networks written out under TensorFlow's names, and the official files."""

import numpy as np
import pytest
import torch
from PIL import Image

from segkit.base.errors import WeightsError
from segkit.base.labels import VOC_CLASSES
from segkit.models.build import build_classifier, build_network
from segkit.weights.build import build_model, load_classifier, load_model
from segkit.weights.files import read_weights

NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
TENSORFLOW = {"padding": "tensorflow", "eps": 1e-3}


def scope_of(layer: str, backbone: str) -> str:
    """The variable scope of one of our layers."""
    parts = layer.split(".")
    slim = {"mobilenet_v1": "MobilenetV1", "mobilenet_v2": "MobilenetV2"}[backbone]
    if layer == "backbone.stem":
        return f"{slim}/Conv2d_0" if slim == "MobilenetV1" else f"{slim}/Conv"
    if layer == "last":
        return f"{slim}/Conv_1"
    if parts[:2] == ["head", "branches"]:
        return f"aspp{parts[2]}"
    if parts[0] == "head":
        return {"image_pooling": "image_pooling", "projection": "concat_projection"}[parts[1]]
    block = int(parts[2])
    if slim == "MobilenetV1":
        return f"{slim}/Conv2d_{block + 1}_{parts[3]}"
    return f"{slim}/expanded_conv{f'_{block}' if block else ''}/{parts[3]}"


def as_tensorflow(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The network's tensors under TensorFlow's names and in its layouts."""
    backbone = network.architecture["backbone"]
    slim = {"mobilenet_v1": "MobilenetV1", "mobilenet_v2": "MobilenetV2"}[backbone]
    variables = {}
    for name, tensor in network.state_dict().items():
        layer, kind, last = name.rsplit(".", 2) if name.count(".") > 1 else ("", *name.split("."))
        if kind == "classifier":
            scope = "logits/semantic" if network.classifier.weight.ndim == 4 else f"{slim}/Logits/Conv2d_1c_1x1"
            if last == "weight":
                tensor = tensor.reshape(*tensor.shape[:2], 1, 1).permute(2, 3, 1, 0)
            variables[f"{scope}/{'weights' if last == 'weight' else 'biases'}"] = tensor
        elif kind == "conv" and layer.endswith(".depthwise"):
            variables[f"{scope_of(layer, backbone)}/depthwise_weights"] = tensor.permute(2, 3, 0, 1)
        elif kind == "conv":
            variables[f"{scope_of(layer, backbone)}/weights"] = tensor.permute(2, 3, 1, 0)
        elif last in NORM:
            variables[f"{scope_of(layer, backbone)}/BatchNorm/{NORM[last]}"] = tensor
    return variables


def network(backbone, aspp, **options):
    return build_network(backbone, classes=VOC_CLASSES, aspp=aspp, options={**TENSORFLOW, **options})


@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v2"])
@pytest.mark.parametrize("aspp", [True, False])
def test_round_trip(randomise, saved, difference, pictures, backbone, aspp):
    theirs = randomise(network(backbone, aspp))
    ours = load_model(saved(as_tensorflow(theirs)))
    assert ours.architecture["backbone"] == backbone
    assert ours.architecture["aspp"] is aspp
    assert ours.canvas == 513
    assert ours.mean.flatten().tolist() == ours.std.flatten().tolist() == [127.5] * 3
    images = pictures(80)
    with torch.no_grad():
        assert difference(ours(images), theirs(images)) < 1e-4


def test_layouts():
    """HWIO and HWC1, told apart by what lies where."""
    variables = as_tensorflow(network("mobilenet_v2", True))
    assert variables["MobilenetV2/Conv/weights"].shape == (3, 3, 3, 32)
    assert variables["MobilenetV2/expanded_conv_1/depthwise/depthwise_weights"].shape == (3, 3, 96, 1)
    assert variables["logits/semantic/weights"].shape == (1, 1, 256, 21)


@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v2"])
def test_classifier(randomise, saved, difference, pictures, backbone):
    theirs = randomise(build_classifier(backbone, num_classes=7, options=TENSORFLOW))
    path = saved(as_tensorflow(theirs))
    images = pictures(96)
    with torch.no_grad():
        assert difference(load_classifier(path)(images), theirs(images)) < 1e-4
    with pytest.raises(WeightsError, match=f"a {backbone} classifier in TensorFlow's names, not a whole segmentation"):
        load_model(path)


def test_backbone_alone(saved):
    """ImageNet's MobileNetV2 without its logits: the convolution before them is of no use."""
    variables = as_tensorflow(build_classifier("mobilenet_v2", options=TENSORFLOW))
    path = saved({name: value for name, value in variables.items() if "/Logits/" not in name})
    assert read_weights(path).form == "backbone"
    build_model("mobilenet_v2", weights=path)
    with pytest.raises(WeightsError, match="no classifier with its logits"):
        load_classifier(path)


@pytest.mark.parametrize(
    ("width", "divisor", "channels"), [(1.0, 1, 24), (0.5, 1, 12), (0.5, 8, 16), (0.75, 8, 24), (1.4, 8, 32)]
)
def test_width_is_told_from_the_tensors(saved, width, divisor, channels):
    """DeepLab's channels are not rounded, those of slim's classifiers are, to multiples of 8."""
    theirs = network("mobilenet_v2", False, width=width, divisor=divisor)
    assert theirs.backbone.blocks[1].project.conv.out_channels == channels
    path = saved(as_tensorflow(theirs))
    assert read_weights(path).options == {**TENSORFLOW, "width": width, "divisor": divisor}
    load_model(path)


def test_what_an_optimiser_leaves_is_ignored(saved):
    variables = as_tensorflow(network("mobilenet_v2", False))
    slots = ("Momentum", "ExponentialMovingAverage", "RMSProp", "RMSProp_1", "Adam", "Adam_1")
    extra = {f"MobilenetV2/Conv/{of}/{slot}": torch.ones(1) for of in ("weights", "BatchNorm/gamma") for slot in slots}
    with_slots = load_model(saved({**variables, **extra, "global_step": torch.tensor(30000)})).state_dict()
    without = load_model(saved(variables)).state_dict()
    assert all(torch.equal(with_slots[name], tensor) for name, tensor in without.items())


def test_npz(tmp_path, randomise, difference, pictures):
    theirs = randomise(network("mobilenet_v2", False))
    path = tmp_path / "model.npz"
    np.savez(path, **{name: value.numpy() for name, value in as_tensorflow(theirs).items()})
    images = pictures(65)
    with torch.no_grad():
        assert difference(load_model(path)(images), theirs(images)) < 1e-4


def test_incomplete_and_unknown_tensors_are_named(saved):
    variables = as_tensorflow(network("mobilenet_v2", False))
    name = "MobilenetV2/expanded_conv_3/project/weights"
    without = {key: value for key, value in variables.items() if key != name}
    with pytest.raises(WeightsError, match=r"backbone\.blocks\.3\.project\.conv\.weight is missing"):
        load_model(saved(without))
    # The width is read from this one, before the others are looked at.
    without = {key: value for key, value in variables.items() if key != "MobilenetV2/expanded_conv_16/project/weights"}
    with pytest.raises(WeightsError, match=r"blocks\.16\.project\.conv\.weight' is missing"):
        load_model(saved(without))
    with pytest.raises(WeightsError, match=r"MobilenetV2/Conv/BatchNorm/renorm_mean is not expected"):
        load_model(saved({**variables, "MobilenetV2/Conv/BatchNorm/renorm_mean": torch.ones(32)}))
    with pytest.raises(WeightsError, match=r"TensorFlow's, but a tensor has the wrong dimensions"):
        load_model(saved({**variables, name: torch.ones(5)}))


# The five pictures of VOC val with the largest share of bus pixels.
BUSES = ("2007_002539", "2007_000663", "2007_003101", "2009_001082", "2009_004072")
# minibus, school bus, trolleybus; class 0 is the background, so all of ImageNet's follow one later.
BUS_CLASSES = {654 + 1, 779 + 1, 874 + 1}


def test_official_classifier_calls_a_bus_a_bus(shared):
    model = load_classifier(shared / "weights/mobilenet_v1_1.0_224_imagenet_tf.safetensors")
    folder = shared / "data/voc2012/VOCdevkit/VOC2012/JPEGImages"
    guesses = []
    for name in BUSES:
        picture = Image.open(folder / f"{name}.jpg").convert("RGB")
        # slim's evaluation: the middle 87.5 % of each side, resized to 224x224.
        width, height = picture.size
        box = (width / 16, height / 16, width * 15 / 16, height * 15 / 16)
        pixels = np.array(picture.resize((224, 224), Image.Resampling.BILINEAR, box=box))
        with torch.no_grad():
            guesses.append(int(model(torch.from_numpy(pixels).permute(2, 0, 1)[None]).argmax()))
    assert sum(guess in BUS_CLASSES for guess in guesses) > len(BUSES) / 2, guesses


@pytest.mark.parametrize("data", ["trainval", "trainaug_8bit"])
def test_official_segmentation_finds_the_bus(shared, data):
    model = load_model(shared / f"weights/deeplabv3_mnv2_coco_voc_{data}_tf.safetensors", output_stride=16)
    name = BUSES[3]  # nothing but a bus and its background
    voc = shared / "data/voc2012/VOCdevkit/VOC2012"
    label = np.array(Image.open(voc / f"SegmentationClass/{name}.png"))
    pixels = np.array(Image.open(voc / f"JPEGImages/{name}.jpg").convert("RGB"))
    canvas = np.full((513, 513, 3), 127.5, np.float32)
    canvas[: label.shape[0], : label.shape[1]] = pixels
    with torch.no_grad():
        found = model(torch.from_numpy(canvas).permute(2, 0, 1)[None]).argmax(1)[0].numpy()
    found = found[: label.shape[0], : label.shape[1]][label != 255]
    assert (found == label[label != 255]).mean() > 0.95
