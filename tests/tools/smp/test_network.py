"""The peer's network is the peer's, starts from the same weights, and answers as segkit's networks do."""

import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from segkit.base.errors import ConfigError, SegkitError, WeightsError
from segkit.data.shapes import ShapesDataset
from segkit.models.build import build_classifier, build_network
from segkit.recipe.config import ModelConfig
from segkit.weights.build import build_model
from segkit.weights.files import save_model
from tools.smp.network import SmpDeepLabV3, Start, build, encoder_tensors, import_smp, read_start, save_smp

smp = pytest.importorskip("segmentation_models_pytorch")
EPS = 1e-3


@pytest.fixture(scope="module")
def dataset():
    return ShapesDataset("val", size=1, side=33)


@pytest.fixture(scope="module")
def classifier():
    """A MobileNetV2 with random weights and batch-norm statistics that suit them."""
    torch.manual_seed(0)
    model = build_classifier("mobilenet_v2").train()
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.3)
    with torch.no_grad():
        model(torch.rand(4, 3, 65, 65) * 255)
    return model.eval()


class Relabelled:
    """A data set of other classes."""

    classes, palette = ("a", "b"), ((0, 0, 0), (1, 1, 1))


def network_from(start, dataset, output_stride=16):
    torch.manual_seed(0)
    return SmpDeepLabV3(dataset, output_stride=output_stride, start=start)


def encoder_like(network, output_stride):
    """The network's encoder, built anew at an output stride (the network's class has 8 and 16 only)."""
    encoder = smp.encoders.get_encoder("mobilenet_v2", weights=None, output_stride=output_stride)
    encoder.load_state_dict(network.backbone.state_dict())
    for layer, other in zip(encoder.modules(), network.backbone.modules(), strict=True):
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = other.eps
    return encoder.eval()


def last_map(classifier, x):
    return classifier.last(classifier.backbone(x))


def relative_difference(ours, theirs):
    assert ours.shape == theirs.shape and theirs.std() > 1e-2 * theirs.abs().max() > 0
    return float((ours - theirs).abs().max() / theirs.abs().max())


@torch.inference_mode()
def test_the_encoder_computes_what_segkit_computes(classifier, dataset):
    network = network_from(Start(tensors=encoder_tensors(classifier.state_dict())), dataset)
    x = torch.rand(2, 3, 65, 97, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert relative_difference(encoder_like(network, 32)(x)[-1], last_map(classifier, x)) < 1e-4


@torch.inference_mode()
@pytest.mark.parametrize("side", [65, 129])
def test_the_official_weights_are_brought_over(shared, dataset, side):
    path = shared / "weights" / "mobilenet_v2_1.0_224_imagenet_tf.safetensors"
    if not path.is_file():
        pytest.skip("the official weights are not there")
    network = build(ModelConfig(weights=str(path)), dataset)
    ours = build_model("mobilenet_v2", output_stride=32, weights=path).eval()
    assert torch.equal(network.mean, ours.mean) and torch.equal(network.std, ours.std)
    encoder = encoder_like(network, 32)
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(side)) * 2 - 1
    assert relative_difference(encoder.features[:-1](x), ours.backbone(x)) < 1e-4
    # segkit has no use for the last convolution of a file without logits: by hand from TensorFlow's names.
    file = {name: tensor.double() for name, tensor in load_file(path).items()}
    weight = file["MobilenetV2/Conv_1/weights"][0, 0]
    gamma, beta, mean, variance = (
        file[f"MobilenetV2/Conv_1/BatchNorm/{name}"].view(-1, 1, 1)
        for name in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    projected = torch.einsum("nchw,co->nohw", ours.backbone(x).double(), weight)
    expected = ((projected - mean) * gamma / (variance + EPS).sqrt() + beta).clamp(0, 6)
    assert relative_difference(encoder(x)[-1].double(), expected) < 1e-4


@torch.inference_mode()
def test_the_peers_dilation_changes_the_function(classifier, dataset):
    network = network_from(Start(tensors=encoder_tensors(classifier.state_dict())), dataset)
    x = torch.rand(1, 3, 65, 65, generator=torch.Generator().manual_seed(1)) * 2 - 1
    coarse, fine = (encoder_like(network, output_stride)(x)[-1] for output_stride in (32, 16))
    assert relative_difference(fine[..., ::2, ::2], coarse) > 1e-2


@torch.inference_mode()
@pytest.mark.parametrize("output_stride", [8, 16])
def test_it_is_the_peers_network(tmp_path, classifier, dataset, output_stride):
    network = network_from(Start(tensors=encoder_tensors(classifier.state_dict())), dataset, output_stride).eval()
    assert network.backbone.features[0][1].eps == EPS and network.head.bn.eps == 1e-5
    save_smp(tmp_path / "peer.safetensors", network, training={})
    peer = smp.DeepLabV3(
        "mobilenet_v2", encoder_weights=None, encoder_output_stride=output_stride, classes=len(dataset.classes)
    )
    peer.load_state_dict(load_file(tmp_path / "peer.safetensors"))
    for layer in peer.encoder.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = EPS
    images = torch.randint(0, 256, (1, 3, 33, 49), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    padded = torch.full((1, 3, 33 + output_stride - 1, 49 + output_stride - 1), 127.5)
    padded[..., :33, :49] = images
    theirs = peer.eval()((padded - 127.5) / 127.5)
    assert torch.equal(network(padded), theirs) and torch.equal(network(images), theirs[..., :33, :49])


@torch.inference_mode()
def test_a_saved_model_is_a_start(tmp_path, dataset):
    network = network_from(Start(mean=(1, 2, 3), std=(4, 5, 6), eps=0.01), dataset).eval()
    path = tmp_path / "peer.safetensors"
    save_smp(path, network, training={"iteration": 1})
    again = build(ModelConfig(weights=str(path), output_stride=16), dataset).eval()
    images = torch.rand(1, 3, 48, 48) * 255
    assert torch.equal(network(images), again(images))
    with pytest.raises(WeightsError, match=r"peer.safetensors: does not fit the network \(size mismatch"):
        build(ModelConfig(weights=str(path)), Relabelled())


def test_what_the_peer_has_not_got(tmp_path, dataset):
    with pytest.raises(ConfigError, match="width 1"):
        build(ModelConfig(width=0.5), dataset)
    with pytest.raises(ConfigError, match="width 1"):
        build(ModelConfig(backbone="resnet101"), dataset)
    with pytest.raises(ConfigError, match="8 and 16"):
        build(ModelConfig(output_stride=32), dataset)
    save_model(tmp_path / "ours.safetensors", build_network("mobilenet_v2", classes=("a", "b"), aspp=False))
    with pytest.raises(WeightsError, match="1280 channels"):
        read_start(tmp_path / "ours.safetensors")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(SegkitError, match="pip install segmentation-models-pytorch"):
        import_smp()
