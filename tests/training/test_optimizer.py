"""Every parameter learns at the rate, and decays as, it is due."""

import pytest
import torch
from torch import nn

from segkit.models.build import build_network
from segkit.training.optimizer import build_optimizer


@pytest.fixture(scope="module")
def network():
    return build_network("mobilenet_v2", classes=("a", "b", "c"), options={"width": 0.25})


def rules(network, **options) -> dict[str, tuple[float, float]]:
    """The learning rate and weight decay of each parameter by name; each has to be in one group once."""
    optimizer = build_optimizer(network, lr=0.1, momentum=0.9, weight_decay=1e-3, **options)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = {}
    for group in optimizer.param_groups:
        assert group["base_lr"] == group["lr"] and group["momentum"] == 0.9
        for parameter in group["params"]:
            name = names[id(parameter)]
            assert name not in found
            found[name] = (group["lr"], group["weight_decay"])
    assert set(found) == set(names.values())
    return found


@pytest.mark.parametrize(("backbone", "depthwise"), [("mobilenet_v1", 13), ("mobilenet_v2", 17), ("resnet101", 0)])
def test_what_decays(backbone, depthwise):
    network = build_network(backbone, classes=("a", "b"), aspp=False)
    layers = dict(network.named_modules())
    free = 0
    for name, (rate, decay) in rules(network).items():
        layer = layers[name.rpartition(".")[0]]
        is_depthwise = isinstance(layer, nn.Conv2d) and layer.groups > 1
        free += is_depthwise
        plain = isinstance(layer, nn.Conv2d) and not is_depthwise and name.endswith(".weight")
        assert decay == (1e-3 if plain else 0), name
        assert rate == (0.2 if name == "classifier.bias" else 0.1), name
    assert free == depthwise


def test_the_head_learns_at_its_own_rate(network):
    found = rules(network, head_lr=0.5)
    for name, (rate, _) in found.items():
        assert rate == (0.1 if name.startswith("backbone.") else 1.0 if name == "classifier.bias" else 0.5), name
    assert found["classifier.weight"] == (0.5, 1e-3)
    assert found["head.projection.norm.weight"] == (0.5, 0)


def test_one_step_by_hand(network):
    optimizer = build_optimizer(network, lr=0.1, head_lr=0.2, momentum=0.0, weight_decay=0.5)
    watched = {
        "backbone.stem.conv.weight": (0.1, 0.5),
        "backbone.blocks.1.depthwise.conv.weight": (0.1, 0),
        "backbone.stem.norm.weight": (0.1, 0),
        "classifier.weight": (0.2, 0.5),
        "classifier.bias": (0.4, 0),
    }
    before = {name: network.get_parameter(name).detach().clone() for name in watched}
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for name, (rate, decay) in watched.items():
        expected = before[name] - rate * (1 + decay * before[name])
        torch.testing.assert_close(network.get_parameter(name).detach(), expected)
