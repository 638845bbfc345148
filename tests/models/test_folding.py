import pytest
import torch
from torch import nn

from segkit.base.errors import ConfigError
from segkit.models.build import build_network
from segkit.models.complexity import count_parameters
from segkit.models.folding import fold_batch_norm, prepare_to_predict


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


def test_a_folded_network_only_predicts_and_knows_what_it_was_made_from():
    network = build_network("mobilenet_v2", classes=("a", "b"), options={"width": 0.35})
    folded = prepare_to_predict(network)
    assert folded.backbone.stem.conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert not folded.training and not folded.eval().training
    with pytest.raises(ConfigError, match=r"batch norm folded in.*load_model\(\.\.\., train=True\) gives one"):
        folded.train()
    assert sum(each.numel() for each in folded.parameters()) < count_parameters(network) == count_parameters(folded)
    assert count_parameters(prepare_to_predict(folded)) == count_parameters(network)  # folded twice, it is so once
    assert network.train().training


def test_a_folded_network_computes_the_same_where_gradients_are_on():
    """Of dilated depthwise convolutions, which have a bias then."""
    network = build_network("mobilenet_v2", classes=("a", "b"), options={"width": 0.35}, output_stride=8).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.bias, std=0.5)
    folded = prepare_to_predict(network)
    images = torch.randint(0, 256, (1, 3, 65, 65), dtype=torch.uint8)
    with torch.inference_mode():
        expected = folded(images)
    assert torch.equal(folded(images), expected)
    assert (network(images) - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize(("aspp", "parameters"), [(False, 2_113_557), (True, 4_523_541)])
def test_the_parameters_of_the_paper_are_counted_before_folding(aspp, parameters):
    network = build_network("mobilenet_v2", classes=tuple(map(str, range(21))), aspp=aspp)
    assert count_parameters(prepare_to_predict(network)) == count_parameters(network) == parameters


def small():
    return prepare_to_predict(build_network("mobilenet_v2", classes=("a", "b"), aspp=False, options={"width": 0.1}))


@pytest.mark.slow
def test_other_programs_take_it_by_torchs_export():
    network = small()
    images = torch.rand(1, 3, 65, 49, generator=torch.Generator().manual_seed(0)) * 255
    with torch.inference_mode():
        expected = network(images)
        assert torch.equal(torch.jit.trace(network, images)(images), expected)
    assert torch.equal(torch.export.export(network, (images,)).module()(images), expected)


def test_a_script_is_refused_in_a_sentence():
    with pytest.raises(ConfigError, match=r"torch\.jit\.script: use segkit export, torch\.export\.export, or"):
        torch.jit.script(small())
