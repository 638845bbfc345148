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
from tests.weights.tensorflow_names import TENSORFLOW, as_tensorflow


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


@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v2", "resnet101"])
def test_a_norm_folded_into_its_convolution_becomes_one_that_adds(saved, randomise, difference, pictures, backbone):
    """A layer's weights and biases, as folding leaves them: LAYER/biases, and no statistics."""
    eps = 1e-5 if backbone == "resnet101" else 1e-3
    theirs = randomise(network(backbone, False, eps=eps))
    folded = as_tensorflow(theirs)
    for name in [name for name in folded if name.endswith("/BatchNorm/gamma")]:
        layer = name.removesuffix("/BatchNorm/gamma")
        gamma, beta, mean, variance = (
            folded.pop(f"{layer}/BatchNorm/{part}") for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / (variance + (eps if layer.count("/") else 1e-5)).sqrt()
        kind = "weights" if f"{layer}/weights" in folded else "depthwise_weights"
        folded[f"{layer}/{kind}"] = folded[f"{layer}/{kind}"] * (scale if kind == "weights" else scale[:, None])
        folded[f"{layer}/biases"] = beta - mean * scale
    with torch.no_grad():
        assert difference(load_model(saved(folded))(pictures(80)), theirs(pictures(80))) < 1e-4
    norms = as_tensorflow(theirs)
    norms[f"{layer}/biases"] = folded[f"{layer}/biases"]
    with pytest.raises(WeightsError, match=r"conv\.bias is not expected"):
        load_model(saved(norms))


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
    slots = ("Momentum", "RMSProp", "RMSProp_1", "Adam", "Adam_1")
    extra = {f"MobilenetV2/Conv/{of}/{slot}": torch.ones(1) for of in ("weights", "BatchNorm/gamma") for slot in slots}
    with_slots = load_model(saved({**variables, **extra, "global_step": torch.tensor(30000)})).state_dict()
    without = load_model(saved(variables)).state_dict()
    assert all(torch.equal(with_slots[name], tensor) for name, tensor in without.items())


def test_the_moving_average_of_a_variable_goes_before_it(saved, randomise):
    """slim's checkpoints have both, and its published figures are of the averages."""
    averaged = as_tensorflow(randomise(network("mobilenet_v2", False)))
    last = as_tensorflow(network("mobilenet_v2", False))
    both = {**last, **{f"{name}/ExponentialMovingAverage": tensor for name, tensor in averaged.items()}}
    theirs, ours = load_model(saved(averaged, "a.safetensors")), load_model(saved(both))
    assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in ours.state_dict().items())


def test_resnet101_shape_by_shape(saved):
    """The published file's variables: every shape of slim's `resnet_v1_101_beta`, and of the network of 58.16M."""
    theirs = build_network("resnet101", classes=VOC_CLASSES, options={"padding": "tensorflow"})
    assert sum(parameter.numel() for parameter in theirs.parameters()) == pytest.approx(58.16e6, abs=5e3)
    shapes = {name: tuple(tensor.shape) for name, tensor in as_tensorflow(theirs).items()}
    scope = "resnet_v1_101"
    channels = 3
    for number, out in enumerate((64, 64, 128), start=1):
        assert shapes.pop(f"{scope}/conv1_{number}/weights") == (3, 3, channels, out)
        channels = out
    for block, (units, width) in enumerate(((3, 64), (4, 128), (23, 256), (3, 512)), start=1):
        for unit in range(1, units + 1):
            place = f"{scope}/block{block}/unit_{unit}/bottleneck_v1"
            if unit == 1:
                assert shapes.pop(f"{place}/shortcut/weights") == (1, 1, channels, 4 * width)
            assert shapes.pop(f"{place}/conv1/weights") == (1, 1, channels, width)
            assert shapes.pop(f"{place}/conv2/weights") == (3, 3, width, width)
            assert shapes.pop(f"{place}/conv3/weights") == (1, 1, width, 4 * width)
            channels = 4 * width
    rates = {"aspp0": 1, "aspp1": 3, "aspp2": 3, "aspp3": 3, "image_pooling": 1}
    assert all(shapes.pop(f"{layer}/weights") == (side, side, 2048, 256) for layer, side in rates.items())
    assert shapes.pop("concat_projection/weights") == (1, 1, 1280, 256)
    assert shapes.pop("logits/semantic/weights") == (1, 1, 256, 21)
    assert not [name for name in shapes if name.endswith("weights")]


@pytest.mark.parametrize("form", ["segmentation network", "classifier"])
def test_resnet101(saved, randomise, difference, pictures, form):
    options = {"padding": "tensorflow"}
    if form == "classifier":
        theirs = randomise(build_classifier("resnet101", num_classes=7, options=options))
    else:
        theirs = randomise(build_network("resnet101", classes=VOC_CLASSES, options=options))
    path = saved({**as_tensorflow(theirs), "resnet_v1_101/mean_rgb": torch.ones(3), "global_step": torch.tensor(3)})
    ours = load_classifier(path) if form == "classifier" else load_model(path)
    assert ours.architecture["options"] == {"padding": "tensorflow", "eps": 1e-5} | (
        {"multi_grid": (1, 1, 1)} if form == "classifier" else {}
    )
    assert ours.mean.flatten().tolist() == ours.std.flatten().tolist() == [127.5] * 3  # of the beta form
    with torch.no_grad():
        assert difference(ours(pictures(64)), theirs(pictures(64))) < 1e-4
    build_model("resnet101", weights=path)


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
