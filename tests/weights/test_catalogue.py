"""The list of public weights is right in itself, and torchvision's part of it is torchvision's."""

import importlib
import re

import pytest

from segkit.models.options import BACKBONES
from segkit.weights.catalogue import _PUBLIC, CATALOGUE, IMAGENET, IMAGENET_NAMES
from segkit.weights.importers.recognise import IMPORTERS


def test_names_and_files_are_unique_and_no_paths():
    assert len(CATALOGUE) == len(_PUBLIC) == len({entry.file for entry in _PUBLIC})
    for entry in _PUBLIC:
        assert re.fullmatch(r"[\w.]+", entry.name) and re.fullmatch(r"[\w.-]+", entry.file)
    assert IMAGENET not in CATALOGUE


@pytest.mark.parametrize("entry", _PUBLIC, ids=lambda entry: entry.name)
def test_an_entry_is_well_formed(entry):
    assert entry.urls and all(url.startswith("https://") for url in entry.urls)
    assert importlib.import_module(f"segkit.weights.importers.{entry.importer}") in IMPORTERS
    assert entry.backbone in BACKBONES
    assert entry.sha256 is None or re.fullmatch(r"[0-9a-f]{8,64}", entry.sha256)
    assert all((entry.what, entry.trained_on, entry.preprocessing, entry.licence, entry.published, entry.source))


def test_imagenet_stands_for_classifiers_of_the_backbone_asked_for():
    assert {backbone for backbone, _ in IMAGENET_NAMES} == set(BACKBONES)
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
        "torchvision_deeplabv3_resnet101": models.segmentation.DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1,
    }
    assert set(theirs) == {entry.name for entry in _PUBLIC if entry.importer == "torchvision"}
    for name, weights in theirs.items():
        entry = CATALOGUE[name]
        assert entry.urls == (weights.url,) and entry.mebibytes == weights.meta["_file_size"]
        assert weights.url.endswith(f"-{entry.sha256}.pth")
        (figures,) = weights.meta["_metrics"].values()
        assert f"{figures.get('acc@1', figures.get('miou'))}" in entry.published
