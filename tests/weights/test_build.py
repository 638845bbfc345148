import math

import pytest
import torch

from segkit.base.errors import WeightsError
from segkit.base.labels import VOC_CLASSES
from segkit.models.build import TENSORFLOW_MEAN, build_network
from segkit.weights import build
from segkit.weights.build import build_model, load_classifier, load_model
from segkit.weights.files import save_model
from segkit.weights.imported import Weights

CLASSES = ("sky", "road", "car")
PALETTE = ((1, 2, 3), (70, 70, 70), (0, 0, 142))
BACKBONE = "mobilenet_v2"


@pytest.fixture
def stored(tmp_path, randomise):
    """A function that saves a random network and gives it and its path."""

    def stored(backbone=BACKBONE, *, classes=CLASSES, aspp=False, **settings):
        network = randomise(build_network(backbone, classes=classes, aspp=aspp, **settings))
        path = tmp_path / f"{backbone}_{len(classes)}_{aspp}.safetensors"
        save_model(path, network)
        return network, path

    return stored


@pytest.fixture
def foreign(monkeypatch):
    """A function that makes a file of the given kind be read, as an importer would give it."""

    def foreign(network, **changes):
        weights = {
            "source": "somebody",
            "backbone": BACKBONE,
            "options": {},
            "tensors": network.state_dict(),
            "mean": TENSORFLOW_MEAN,
            "std": TENSORFLOW_MEAN,
        }
        monkeypatch.setattr(build, "resolve", lambda path, **_: path)
        monkeypatch.setattr(build, "read_weights", lambda path: Weights(**{**weights, **changes}))
        return "file"

    return foreign


def same(a, b, prefix=""):
    state = b.state_dict()
    return all(torch.equal(t, state[name]) for name, t in a.state_dict().items() if name.startswith(prefix))


def test_fresh():
    network = build_model(output_stride=8, num_classes=5, canvas=65, options={"width": 0.5})
    assert network.classes == ("class 0", "class 1", "class 2", "class 3", "class 4")
    assert (network.output_stride, network.canvas, network.backbone.out_channels) == (8, 65, 160)
    assert network.training


def test_same_classes_take_everything(stored):
    network, path = stored(palette=PALETTE, options={"padding": "tensorflow", "eps": 1e-2}, canvas=97, mean=(1, 2, 3))
    start = build_model(aspp=False, output_stride=8, classes=CLASSES, weights=path)
    assert same(start, network)
    assert start.training
    assert start.output_stride == 8
    assert (start.palette, start.canvas) == (PALETTE, 97)
    assert torch.equal(start.mean, network.mean)
    assert start.architecture == network.architecture


def test_classes_that_nobody_names_are_the_files(stored):
    network, path = stored(palette=PALETTE)
    start = build_model(aspp=False, num_classes=3, weights=path)
    assert (start.classes, start.palette) == (CLASSES, PALETTE)
    assert same(start, network, "classifier.")
    assert build_model(aspp=False, weights=path).classes == VOC_CLASSES


@pytest.mark.parametrize("classes", [("sky", "road"), ("cat", "dog", "cow"), ("car", "road", "sky")])
def test_other_classes_get_fresh_logits(stored, classes):
    network, path = stored(palette=PALETTE)
    start = build_model(aspp=False, classes=classes, weights=path)
    assert start.classes == classes
    assert start.palette != PALETTE
    assert same(start, network, "backbone.")
    assert same(start, network, "head.")
    assert not torch.equal(start.classifier.weight[:2], network.classifier.weight[:2])
    assert torch.equal(start.classifier.bias, torch.zeros(len(classes)))


def test_logits_of_a_file_that_tells_no_classes(randomise, foreign):
    network = randomise(build_network(BACKBONE, classes=VOC_CLASSES, aspp=False))
    path = foreign(network)
    assert same(build_model(aspp=False, weights=path), network)  # 21 are VOC's
    other = build_model(aspp=False, weights=path, classes=[f"thing {i}" for i in range(21)])
    assert not same(other, network, "classifier.")


def test_aspp_from_no_aspp_starts_as_the_same_function(stored, difference, pictures):
    network, path = stored()
    start = build_model(aspp=True, classes=CLASSES, weights=path)
    projection = start.head.projection.conv.weight
    assert torch.equal(projection[:, :512], network.head.projection.conv.weight)
    assert projection[:, 512:].count_nonzero() == 0
    assert start.head.branches[1].conv.weight.std() > 0
    start.eval()
    with torch.no_grad():
        assert difference(start(pictures(65)), network(pictures(65))) < 1e-5
    start.train()(pictures(65)).square().mean().backward()
    assert projection.grad[:, 512:].abs().max() > 0  # and learns from there


def test_no_aspp_from_aspp(stored):
    network, path = stored(aspp=True)
    start = build_model(aspp=False, classes=CLASSES, weights=path)
    assert torch.equal(start.head.projection.conv.weight, network.head.projection.conv.weight[:, :512])
    assert same(start, network, "backbone.")
    assert same(start, network, "classifier.")


def test_parts_of_a_network(randomise, foreign):
    network = randomise(build_network(BACKBONE, classes=CLASSES, aspp=True))
    tensors = {name: t for name, t in network.state_dict().items() if not name.startswith("classifier.")}
    path = foreign(network, tensors=tensors)
    start = build_model(weights=path)
    assert same(start.backbone, network.backbone)
    assert same(start.head, network.head)
    with pytest.raises(WeightsError, match=r"parts of a mobilenet_v2 segmentation network .* model\.weights=file"):
        load_model(path)


def test_options_go_over_the_files(stored):
    _, path = stored(options={"padding": "tensorflow"})
    start = build_model(weights=path, options={"eps": 1e-4})
    assert start.architecture["options"] == {"padding": "tensorflow", "eps": 1e-4}


def test_a_network_tells_what_is_fresh(stored, foreign):
    network, path = stored()
    everything = set(network.state_dict())
    assert network.fresh == everything == build_model(aspp=False, classes=CLASSES).fresh
    assert load_model(path).fresh == set() == build_model(aspp=False, classes=CLASSES, weights=path).fresh
    started = build_model(aspp=True, classes=("cat", "dog"), weights=path)
    assert {name.rpartition(".")[0] for name in started.fresh} == {
        "classifier",
        *(f"head.branches.{n}.{layer}" for n in (1, 2, 3) for layer in ("conv", "norm")),
    }
    backbone = {name: tensor for name, tensor in network.state_dict().items() if name.startswith("backbone.")}
    started = build_model(aspp=False, classes=CLASSES, weights=foreign(network, tensors=backbone))
    assert started.fresh == everything - backbone.keys()


def test_another_architecture(stored):
    _, path = stored("mobilenet_v1")
    with pytest.raises(WeightsError, match=r"mobilenet_v1_3_\w+\.\w+: holds mobilenet_v1, but .* mobilenet_v2"):
        build_model("mobilenet_v2", weights=path)


def test_mismatches_name_the_tensors(stored, randomise, foreign):
    _, path = stored()
    with pytest.raises(
        WeightsError, match=r"0\.depthwise\.conv\.weight is \(32, 1, 3, 3\), not \(16, 1, 3, 3\); .* more"
    ):
        build_model(weights=path, options={"width": 0.5})
    network = build_network(BACKBONE, classes=CLASSES, aspp=False)
    state = network.state_dict()
    path = foreign(network, classes=CLASSES, tensors={**state, "surprise": torch.ones(1)})
    with pytest.raises(WeightsError, match=r"file: does not fit the network: surprise is not expected$"):
        load_model(path)
    state["classifier.bias"] = torch.ones(3, dtype=torch.int8)
    with pytest.raises(WeightsError, match=r"classifier\.bias has torch\.int8, not floats"):
        load_model(foreign(network, classes=CLASSES, tensors=state))
    for value in (math.nan, math.inf):
        state["classifier.bias"] = torch.tensor([0.0, value, 0.0])
        path = foreign(network, classes=CLASSES, tensors=state)
        for load in (load_model, lambda path: build_model(aspp=False, classes=CLASSES, weights=path)):
            with pytest.raises(WeightsError, match=r"file: classifier\.bias holds numbers that are not finite"):
                load(path)
    del state["classifier.bias"]
    with pytest.raises(WeightsError, match=r"classifier\.bias is missing"):
        load_model(foreign(network, classes=CLASSES, tensors=state))


def test_counters_of_batches_are_not_needed(randomise, foreign):
    network = randomise(build_network(BACKBONE, classes=CLASSES, aspp=False))
    tensors = {name: t for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    model = load_model(foreign(network, tensors=tensors), classes=CLASSES, train=True)
    assert model.output_stride == 16
    loaded = model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


def test_classes_have_to_be_given_where_the_file_tells_none(foreign):
    path = foreign(build_network(BACKBONE, classes=CLASSES, aspp=False))
    with pytest.raises(WeightsError, match="file: has 3 classes whose names it does not tell: give them with classes"):
        load_model(path)
    assert load_model(path, classes=list(CLASSES)).classes == CLASSES
    with pytest.raises(WeightsError, match="has 3 classes, but 2 names were given"):
        load_model(path, classes=["a", "b"])
    path = foreign(build_network(BACKBONE, classes=["x"] * 256, aspp=False))
    with pytest.raises(WeightsError, match="has logits for 256 classes, but a label map holds at most 255"):
        load_model(path, classes=["x"] * 256)


def test_a_segmentation_network_is_no_classifier(stored):
    _, path = stored()
    with pytest.raises(WeightsError, match="holds a mobilenet_v2 segmentation network, no classifier with its logits"):
        load_classifier(path)
