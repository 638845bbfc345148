"""The network that is exported computes what the trained one computes."""

import pytest
import torch
from torch import nn

from segkit.deploy.network import DeployNetwork
from segkit.models.build import build_network
from segkit.models.deeplabv3 import DeepLabV3


def made(backbone: str, *, aspp: bool, stride: int, padding: str = "tensorflow") -> DeepLabV3:
    """A network whose batch norm does something."""
    torch.manual_seed(0)
    options = {"padding": padding} | ({"width": 0.25} if backbone == "mobilenet_v2" else {})
    network = build_network(backbone, classes=tuple("abcde"), aspp=aspp, output_stride=stride, options=options).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.2)
            nn.init.normal_(layer.bias, std=0.1)
    nn.init.normal_(network.classifier.weight, std=0.3)
    return network


@pytest.mark.parametrize(
    ("backbone", "stride", "aspp"),
    [
        ("mobilenet_v1", 16, True),
        ("mobilenet_v1", 8, False),
        ("mobilenet_v2", 16, False),
        ("mobilenet_v2", 8, True),
        ("mobilenet_v2", 32, False),
        ("resnet101", 16, True),
        pytest.param("resnet101", 8, False, marks=pytest.mark.slow),
    ],
)
def test_it_computes_what_the_network_computes(backbone: str, stride: int, aspp: bool) -> None:
    network = made(backbone, aspp=aspp, stride=stride)
    image = torch.randint(0, 256, (1, 65, 97, 3), dtype=torch.uint8)
    with torch.inference_mode():
        expected = network.logits(image.permute(0, 3, 1, 2))
        logits, probs, labels = (DeployNetwork(network, output=each)(image) for each in ("logits", "probs", "labels"))
        assert (logits - expected).abs().max() <= 1e-4 * expected.abs().max()
        whole = network(image.permute(0, 3, 1, 2))
    assert probs.shape == whole.shape and (probs - whole.softmax(1)).abs().max() <= 1e-4 * expected.abs().max()
    top = whole.topk(2, dim=1).values
    sure = top[:, 0] - top[:, 1] > 1e-3 * expected.abs().max()
    assert (
        labels.dtype == torch.uint8 and sure.any() and torch.equal(labels[sure], whole.argmax(1).to(torch.uint8)[sure])
    )


def test_dead_depthwise_channels_become_zero() -> None:
    network = made("mobilenet_v2", aspp=False, stride=16)
    block = next(block for block in network.modules() if getattr(getattr(block, "conv", None), "groups", 1) > 1)
    with torch.no_grad():
        block.norm.weight[0] = 1e-20
    exported = DeployNetwork(network)
    first = next(layer for layer in exported.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1)
    assert first.weight[0].abs().max() == 0 < first.weight[1].abs().max()


def test_the_network_that_is_exported_stays_as_it_is() -> None:
    network = made("mobilenet_v2", aspp=False, stride=16)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    DeployNetwork(network)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert network.train().training
