"""The list of public weights is right in itself, and torchvision's part of it is torchvision's."""

import importlib
import re

import pytest

from segkit.models.options import BACKBONES
from segkit.weights.cache import cached_file
from segkit.weights.catalogue import _PUBLIC, CATALOGUE, IMAGENET, IMAGENET_NAMES
from segkit.weights.importers.recognise import IMPORTERS
from segkit.weights.lineage import read_lineage


def test_names_and_files_are_unique_and_no_paths():
    assert len(CATALOGUE) == len(_PUBLIC) == len({cached_file(entry.address) for entry in _PUBLIC})
    for entry in _PUBLIC:
        assert re.fullmatch(r"[\w.]+", entry.name)
    assert IMAGENET not in CATALOGUE


@pytest.mark.parametrize("entry", _PUBLIC, ids=lambda entry: entry.name)
def test_an_entry_is_well_formed(entry):
    places = r"https://download\.pytorch\.org/models|https://storage\.googleapis\.com/[\w.]+|hf://\w+"
    assert re.fullmatch(rf"({places})/[\w./-]+", entry.address)
    assert (entry.backbone is None) == (entry.importer is None)
    if entry.importer is not None:
        assert importlib.import_module(f"segkit.weights.importers.{entry.importer}") in IMPORTERS
        assert entry.backbone in BACKBONES
    assert entry.sha256 is None or re.fullmatch(r"[0-9a-f]{8,64}", entry.sha256)
    assert all((entry.what, entry.trained_on, entry.preprocessing, entry.licence, entry.published, entry.source))


def test_the_model_zoos_archives_tell_what_they_saw():
    """Named as their files are; what has seen val is told, and its copy in a repository is pinned to a commit."""
    seen = {entry.name: entry for entry in _PUBLIC if "model zoo" in entry.source and entry.whole}
    seen.pop("google_deeplabv3_mobilenet_v2")
    assert {name: read_lineage(name).has_seen("voc", "val") for name in seen} == {
        "deeplabv3_mnv2_pascal_train_aug_2018_01_29": False,
        "deeplabv3_mnv2_pascal_trainval_2018_01_29": True,
        "deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01": False,
    }
    archives = [entry for entry in _PUBLIC if entry.address.endswith((".tar.gz", ".tgz"))]
    assert {"mobilenet_v1_1.0_224", "mobilenet_v2_1.0_224", "resnet_v1_101_2018_05_04"} <= {e.name for e in archives}
    for entry in archives:
        assert re.fullmatch(rf".*/{re.escape(entry.name)}\.(tar\.gz|tgz)", entry.address)
        assert entry.importer == "tensorflow" and "address unverified" in entry.source
        assert read_lineage(entry.name).is_told
    copy = CATALOGUE["deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01"].copy
    assert re.search(r"/[0-9a-f]{40}/", copy.address) and re.fullmatch(r"[0-9a-f]{64}", copy.sha256)


def test_imagenet_stands_for_classifiers_of_the_backbone_asked_for():
    assert {backbone for backbone, _ in IMAGENET_NAMES} <= set(BACKBONES)
    for (backbone, width), name in IMAGENET_NAMES.items():
        entry = CATALOGUE[name]
        assert (entry.backbone, entry.width) == (backbone, width)
        assert not entry.whole and "ImageNet" in entry.trained_on


def test_torchvisions_entries_are_torchvisions():
    """Addresses, sizes and figures, from the torchvision that is installed."""
    import segkit.weights.vision_ops  # noqa: F401  before torchvision

    models = pytest.importorskip("torchvision").models
    theirs = {
        "torchvision_mobilenet_v2_v1": models.MobileNet_V2_Weights.IMAGENET1K_V1,
        "torchvision_mobilenet_v2_v2": models.MobileNet_V2_Weights.IMAGENET1K_V2,
        "torchvision_resnet101_v1": models.ResNet101_Weights.IMAGENET1K_V1,
        "torchvision_resnet101_v2": models.ResNet101_Weights.IMAGENET1K_V2,
    }
    for name in models.list_models(module=models.segmentation):
        theirs[f"torchvision_{name}"] = models.get_model_weights(name).DEFAULT
    assert set(theirs) == {entry.name for entry in _PUBLIC if entry.name.startswith("torchvision_")}
    for name, weights in theirs.items():
        entry = CATALOGUE[name]
        assert entry.address == weights.url and entry.mebibytes == weights.meta["_file_size"]
        assert weights.url.endswith(f"-{entry.sha256}.pth")
        (figures,) = weights.meta["_metrics"].values()
        assert f"{figures.get('acc@1', figures.get('miou'))}" in entry.published
