"""What stands around the names of a network: wrappers, other tensors, other parts."""

from pathlib import Path

import pytest
import torch
import torchvision

from segkit.base.errors import WeightsError
from segkit.weights.build import build_model
from segkit.weights.files import read_weights
from segkit.weights.importers.recognise import import_tensors


@pytest.fixture(scope="module")
def plain():
    """The tensors of torchvision's MobileNetV2."""
    torch.manual_seed(0)
    return torchvision.models.mobilenet_v2(weights=None).state_dict()


def below(prefix, tensors):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("prefix", "more"),
    [
        ("module.", {}),
        ("model.", {"criterion.weight": torch.ones(3)}),
        ("module.model.", {"module.criterion.weight": torch.ones(3)}),
        ("encoder.", {"decoder.x.weight": torch.ones(3, 3), "segmentation_head.0.weight": torch.ones(3)}),
        ("backbone.", {}),
        ("model.backbone.", {"model.head.weight": torch.ones(3), "loss.weight": torch.ones(3)}),
        ("net.encoder.", {"epoch": torch.ones(1)}),
    ],
)
def test_a_network_is_found_below_a_prefix_and_beside_other_tensors(plain, prefix, more):
    found = import_tensors(Path("some.pth"), {**below(prefix, plain), **more})
    bare = import_tensors(Path("some.pth"), plain)
    assert (found.source, found.backbone, found.form) == ("torchvision", "mobilenet_v2", "classifier")
    assert found.tensors.keys() == bare.tensors.keys()
    assert all(torch.equal(tensor, bare.tensors[name]) for name, tensor in found.tensors.items())


def test_other_tensors_at_the_same_place_are_still_named(plain):
    with pytest.raises(WeightsError, match=r"no importer knows these tensor names \(head.weight, tail.weight, ...\)"):
        import_tensors(Path("some.pth"), {"head.weight": torch.ones(3), "tail.weight": torch.ones(3)})
    with pytest.raises(WeightsError, match="holds no tensors"):
        import_tensors(Path("some.pth"), {})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": {}, "state_dict_ema": state, "epoch": 1},
        lambda state: {"state_dict": below("model.", state) | {"criterion.weight": torch.ones(3)}, "epoch": 1},
    ],
)
def test_a_training_starts_from_a_checkpoint_of_another_program(plain, tmp_path, wrap):
    torch.save(wrap(plain), tmp_path / "theirs.pth")
    model = build_model("mobilenet_v2", weights=tmp_path / "theirs.pth", num_classes=3, aspp=False)
    bare = read_weights(tmp_path / "theirs.pth").tensors
    assert torch.equal(model.state_dict()["backbone.stem.conv.weight"], bare["backbone.stem.conv.weight"])
    assert torch.equal(model.state_dict()["backbone.stem.conv.weight"], plain["features.0.0.weight"])
