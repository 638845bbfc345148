"""Public weights by name: where they are, what they are and what their makers publish about them.

Only files that segkit reads as they are stand here. Addresses, beginnings of checksums, sizes and figures are
torchvision's (`torchvision/models/*.py` of 0.28; the eight digits in a file's name are the beginning of its SHA-256),
timm's (`timm/models/*.py`, README and `results/`) and slim's
(https://github.com/tensorflow/models/tree/master/research/slim/nets/mobilenet). Hugging Face's names and classes are
those of https://huggingface.co/docs/transformers/model_doc/mobilenet_v2 and mobilenet_v1.
"""

from dataclasses import dataclass
from typing import Literal

IMAGENET = "imagenet"
"""Stands for the ImageNet weights of the backbone that is built."""

_SLIM = "research/slim of tensorflow/models, of the TensorFlow original"
_TORCHVISION = "torchvision 0.28, its own evaluation"


@dataclass(frozen=True, kw_only=True)
class Public:
    """A public file of weights.

    `urls` have the same network, the likelier first; `file` is its name in the cache. `sha256` is hexadecimal, or only
    the beginning that is known; None where nothing is. `importer` is the module of `segkit.weights.importers` that its
    tensor names choose, and `preprocessing` what that one sets. `whole` tells that `load_model` takes it.
    """

    name: str
    what: str
    backbone: str
    width: float = 1.0
    whole: bool = False
    trained_on: str
    urls: tuple[str, ...]
    file: str
    sha256: str | None = None
    mebibytes: float | None = None
    importer: Literal["hugging_face", "tensorflow", "timm", "torchvision"]
    preprocessing: str
    licence: str
    published: str
    source: str


def _hugging_face(name: str, repository: str, **about: str | float | bool) -> Public:
    """One of Google's models on the Hugging Face hub; not all of them need have been converted to safetensors."""
    address = f"https://huggingface.co/{repository}/resolve/main"
    return Public(
        name=name,
        urls=(f"{address}/model.safetensors", f"{address}/pytorch_model.bin"),
        file=f"{name}.weights",
        importer="hugging_face",
        preprocessing="x / 127.5 - 1, TensorFlow's padding, batch-norm eps 1e-3",
        licence="Apache-2.0 where it comes from (tensorflow/models); the hub's card has the last word",
        **about,  # type: ignore[arg-type]
    )


def _torchvision(name: str, file: str, **about: str | float) -> Public:
    return Public(
        name=name,
        urls=(f"https://download.pytorch.org/models/{file}",),
        file=file,
        sha256=file.rpartition("-")[2].removesuffix(".pth"),
        importer="torchvision",
        preprocessing="ImageNet's mean and standard deviation, symmetric padding, batch-norm eps 1e-5",
        licence="BSD-3-Clause (torchvision)",
        **about,  # type: ignore[arg-type]
    )


def _timm(name: str, model: str, **about: str) -> Public:
    return Public(
        name=name,
        urls=(f"https://huggingface.co/timm/{model}/resolve/main/model.safetensors",),
        file=f"{model}.safetensors",
        importer="timm",
        licence="Apache-2.0 (timm)",
        **about,  # type: ignore[arg-type]
    )


_CLASSIFIER = "backbone and classifier of 1,001 classes (0 is the background)"

_PUBLIC = (
    _hugging_face(
        "google_deeplabv3_mobilenet_v2",
        "google/deeplabv3_mobilenet_v2_1.0_513",
        what="DeepLabv3, MobileNetV2 without ASPP, 21 classes, canvas 513",
        backbone="mobilenet_v2",
        whole=True,
        trained_on="ImageNet, COCO, PASCAL VOC 2012",
        published="VOC val mIoU 75.32 at OS 16, 77.33 at OS 8 with MF, if it is the checkpoint of train_aug, which the "
        "hub does not tell (one of trainval has seen val)",
        source="the model zoo of TensorFlow's DeepLab",
    ),
    _hugging_face(
        "google_mobilenet_v2",
        "google/mobilenet_v2_1.0_224",
        what=f"MobileNetV2, {_CLASSIFIER}",
        backbone="mobilenet_v2",
        trained_on="ImageNet",
        published="top-1 71.8, top-5 91.0 at 224",
        source=_SLIM,
    ),
    _hugging_face(
        "google_mobilenet_v2_1.4",
        "google/mobilenet_v2_1.4_224",
        what=f"MobileNetV2 of width 1.4, {_CLASSIFIER}",
        backbone="mobilenet_v2",
        width=1.4,
        trained_on="ImageNet",
        published="top-1 75.0, top-5 92.5 at 224",
        source=_SLIM,
    ),
    _hugging_face(
        "google_mobilenet_v2_0.75",
        "google/mobilenet_v2_0.75_160",
        what=f"MobileNetV2 of width 0.75, {_CLASSIFIER}",
        backbone="mobilenet_v2",
        width=0.75,
        trained_on="ImageNet",
        published="top-1 66.4, top-5 87.3 at 160",
        source=_SLIM,
    ),
    _hugging_face(
        "google_mobilenet_v2_0.35",
        "google/mobilenet_v2_0.35_96",
        what=f"MobileNetV2 of width 0.35, {_CLASSIFIER}",
        backbone="mobilenet_v2",
        width=0.35,
        trained_on="ImageNet",
        published="top-1 45.5, top-5 70.4 at 96",
        source=_SLIM,
    ),
    _hugging_face(
        "google_mobilenet_v1",
        "google/mobilenet_v1_1.0_224",
        what=f"MobileNetV1, {_CLASSIFIER}",
        backbone="mobilenet_v1",
        trained_on="ImageNet",
        published="top-1 70.9, top-5 89.9 at 224",
        source=_SLIM,
    ),
    _torchvision(
        "torchvision_mobilenet_v2_v1",
        "mobilenet_v2-b0353104.pth",
        what="MobileNetV2, backbone and classifier of 1,000 classes",
        backbone="mobilenet_v2",
        trained_on="ImageNet, the plain recipe",
        mebibytes=13.555,
        published="top-1 71.878, top-5 90.286 at 224",
        source=_TORCHVISION,
    ),
    _torchvision(
        "torchvision_mobilenet_v2_v2",
        "mobilenet_v2-7ebf99e0.pth",
        what="MobileNetV2, backbone and classifier of 1,000 classes",
        backbone="mobilenet_v2",
        trained_on="ImageNet, the long recipe",
        mebibytes=13.598,
        published="top-1 72.154, top-5 90.822 at 224",
        source=_TORCHVISION,
    ),
    _torchvision(
        "torchvision_resnet101_v1",
        "resnet101-63fe2227.pth",
        what="ResNet-101 with a 7x7 stem and strided first units, backbone and classifier of 1,000 classes",
        backbone="resnet101",
        trained_on="ImageNet, the plain recipe",
        mebibytes=170.511,
        published="top-1 77.374, top-5 93.546 at 224",
        source=_TORCHVISION,
    ),
    _torchvision(
        "torchvision_resnet101_v2",
        "resnet101-cd907fc2.pth",
        what="ResNet-101 with a 7x7 stem and strided first units, backbone and classifier of 1,000 classes",
        backbone="resnet101",
        trained_on="ImageNet, the long recipe",
        mebibytes=170.53,
        published="top-1 81.886, top-5 95.780 at 224",
        source=_TORCHVISION,
    ),
    _torchvision(
        "torchvision_deeplabv3_resnet101",
        "deeplabv3_resnet101_coco-586e9e4e.pth",
        what="ResNet-101 with a 7x7 stem, backbone and ASPP of a DeepLabv3; its last layers have no place in ours",
        backbone="resnet101",
        trained_on="ImageNet, COCO pictures with VOC's classes",
        mebibytes=233.217,
        published="mIoU 67.4 on COCO val2017 with VOC's classes (another task than VOC val), of the whole network",
        source=_TORCHVISION,
    ),
    _timm(
        "timm_mobilenetv1_100",
        "mobilenetv1_100.ra4_e3600_r224_in1k",
        what="MobileNetV1, backbone and classifier of 1,000 classes",
        backbone="mobilenet_v1",
        trained_on="ImageNet, a long recipe",
        preprocessing="x / 127.5 - 1, symmetric padding, batch-norm eps 1e-5",
        published="top-1 76.094, top-5 93.004 at 256",
        source="timm's README",
    ),
    _timm(
        "timm_resnet101s",
        "resnet101s.gluon_in1k",
        what="ResNet-101 with a deep stem and strided first units, backbone and classifier of 1,000 classes",
        backbone="resnet101",
        trained_on="ImageNet",
        preprocessing="ImageNet's mean and standard deviation, symmetric padding, batch-norm eps 1e-5",
        published="top-1 80.28, top-5 95.16 at 224",
        source="timm's table of ResNets",
    ),
)

CATALOGUE: dict[str, Public] = {entry.name: entry for entry in _PUBLIC}
"""The public weights by name."""

IMAGENET_NAMES: dict[tuple[str, float], str] = {
    ("mobilenet_v1", 1.0): "google_mobilenet_v1",
    ("mobilenet_v2", 1.0): "google_mobilenet_v2",
    ("mobilenet_v2", 1.4): "google_mobilenet_v2_1.4",
    ("mobilenet_v2", 0.75): "google_mobilenet_v2_0.75",
    ("mobilenet_v2", 0.35): "google_mobilenet_v2_0.35",
    ("resnet101", 1.0): "torchvision_resnet101_v1",
}
"""What IMAGENET stands for, by backbone and width: the weights that DeepLab's published recipes start from, or those
nearest to them."""
