import pytest
import torch
from torch import nn

from segkit.models.build import build_network
from segkit.models.folding import fold_batch_norm


@pytest.mark.parametrize(("backbone", "padding"), [("mobilenet_v1", "tensorflow"), ("mobilenet_v2", "symmetric")])
def test_folded_network_computes_the_same_without_batch_norm(backbone, padding):
    torch.manual_seed(0)
    network = build_network(backbone, classes=("a", "b"), options={"padding": padding}).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.1)
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    folded = fold_batch_norm(network)
    images = torch.randint(0, 256, (2, 3, 50, 67), dtype=torch.uint8)
    with torch.inference_mode():
        expected, actual = network(images), folded(images)
    assert (actual - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert not any(each.requires_grad for each in folded.parameters())
    assert all(each.requires_grad for each in network.parameters())
