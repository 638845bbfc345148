"""Each variant is the network with just what it says changed."""

import pytest
import torch

from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD, build_network
from segkit.models.layers import Conv
from tools.mistakes.networks import (
    VARIANTS,
    dilate_whole_stages,
    forget_eps,
    networks,
    normalise_like_imagenet,
    pad_symmetrically,
)


def picture(side: int) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)) * 255


@torch.no_grad()
def features(network, side: int = 97) -> torch.Tensor:
    return network.backbone((picture(side) - network.mean) / network.std)


def dilations(network) -> list[int]:
    return [
        layer.dilation[0]
        for layer in network.backbone.modules()
        if isinstance(layer, Conv) and layer.kernel_size == (3, 3)
    ]


@pytest.mark.parametrize("output_stride", [16, 8])
def test_the_a_trous_identity_holds_by_the_rule_and_fails_where_whole_stages_are_dilated(load, output_stride) -> None:
    step = 32 // output_stride
    true = features(load(32))
    network = load(output_stride)
    torch.testing.assert_close(features(network)[..., ::step, ::step], true, rtol=1e-3, atol=1e-3)
    dilate_whole_stages(network)
    found = features(network)[..., ::step, ::step]
    assert found.shape == true.shape
    assert (found - true).abs().mean() > 0.1 * true.abs().mean()


def test_only_what_lost_its_stride_is_dilated_otherwise(load) -> None:
    # The stem and 17 blocks: the 8th unit and the 15th begin the stages of 64 and 160 channels.
    by_rule = {16: [1] * 15 + [2] * 3, 8: [1] * 8 + [2] * 7 + [4] * 3}
    whole = {16: [1] * 14 + [2] * 4, 8: [1] * 7 + [2] * 7 + [4] * 4}
    for output_stride in (16, 8):
        network = load(output_stride)
        assert dilations(network) == by_rule[output_stride]
        dilate_whole_stages(network)
        assert dilations(network) == whole[output_stride]


@pytest.mark.slow
def test_it_is_what_segmentation_models_pytorch_does() -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    for output_stride in (16, 8):
        encoder = smp.encoders.get_encoder("mobilenet_v2", weights=None, output_stride=output_stride)
        theirs = [
            layer.dilation[0]
            for layer in encoder.modules()
            if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size == (3, 3)
        ]
        ours = build_network("mobilenet_v2", classes=("a", "b"), aspp=False, output_stride=output_stride)
        assert dilations(ours) != theirs
        dilate_whole_stages(ours)
        assert dilations(ours) == theirs


def test_symmetric_padding_is_that_of_a_network_built_with_it_and_matters_at_even_sides_only(load) -> None:
    padded, network = load(), load()
    pad_symmetrically(padded)
    symmetric = load(padding="symmetric")
    assert torch.equal(features(padded, 64), features(symmetric, 64))
    assert not torch.allclose(features(padded, 64), features(network, 64))
    torch.testing.assert_close(features(padded, 65), features(network, 65))


def test_eps_is_the_backbone_s_alone(load) -> None:
    changed = load()
    head = [layer.eps for layer in changed.head.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    forget_eps(changed)
    assert torch.equal(features(changed), features(load(eps=1e-5)))
    assert not torch.allclose(features(changed), features(load()))
    assert [layer.eps for layer in changed.head.modules() if isinstance(layer, torch.nn.BatchNorm2d)] == head


@torch.no_grad()
def test_imagenet_s_normalisation(load) -> None:
    changed, network = load(), load()
    normalise_like_imagenet(changed)
    by_hand = (picture(65) - torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)) / torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    torch.testing.assert_close(
        changed.logits(picture(65)), network.logits(by_hand * 127.5 + 127.5), rtol=1e-3, atol=1e-3
    )
    assert not torch.allclose(changed.logits(picture(65)), network.logits(picture(65)), atol=0.1)


@torch.no_grad()
def test_a_variant_is_changed_before_its_batch_norm_is_folded_and_made_once(load) -> None:
    variants = networks(load, torch.device("cpu"))
    image = picture(64)  # even, so that padding shows
    found = {name: variants(name)(image) for name in VARIANTS}
    for name, (output_stride, change) in VARIANTS.items():
        network = load(output_stride)
        if change is not None:
            change(network)
        torch.testing.assert_close(found[name], network(image), rtol=0.01, atol=0.05)
        assert variants(name) is variants(name)
        assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in variants(name).modules())
    for name in VARIANTS:
        if name != "os16":
            assert (found[name] - found["os16"]).abs().max() > 0.5, name
