"""Public weights by name: where they are, what they are and what their makers publish about them.

Only files that segkit reads as they are stand here. Addresses, beginnings of checksums, sizes and figures are
torchvision's (`torchvision/models/*.py` of 0.28; the eight digits in a file's name are the beginning of its SHA-256),
timm's (`timm/models/*.py`, README and `results/`) and slim's
(https://github.com/tensorflow/models/tree/master/research/slim/nets/mobilenet) and those of the model zoo of
TensorFlow's DeepLab (research/deeplab/g3doc/model_zoo.md and quantize.md there). Hugging Face's names and classes are
those of https://huggingface.co/docs/transformers/model_doc/mobilenet_v2 and mobilenet_v1.
"""

from functools import partial

from segkit.weights.public import Copy, Public

IMAGENET = "imagenet"
"""Stands for the ImageNet weights of the backbone that is built."""


_DOWNLOADS = "https://storage.googleapis.com/download.tensorflow.org/models"
"""What http://download.tensorflow.org/models shows, by https."""

_PYTORCH = "https://download.pytorch.org/models"

# One of Google's models on the Hugging Face hub; not all of them need have been converted to safetensors.
_hugging_face = partial(
    Public,
    importer="hugging_face",
    preprocessing="x / 127.5 - 1, TensorFlow's padding, batch-norm eps 1e-3",
    licence="Apache-2.0 where it comes from (tensorflow/models); the hub's card has the last word",
)
# An archive as TensorFlow's makers publish it, named as its file is.
_tensorflow = partial(
    Public,
    importer="tensorflow",
    preprocessing="x / 127.5 - 1, TensorFlow's padding, batch-norm eps 1e-3 (1e-5 in the head and in ResNet-101)",
    licence="Apache-2.0 (tensorflow/models)",
)
_slim = partial(_tensorflow, trained_on="ImageNet")
_torchvision = partial(Public, licence="BSD-3-Clause (torchvision)", source="torchvision 0.28, its own evaluation")
_timm = partial(Public, importer="timm", licence="Apache-2.0 (timm)")


def _google_classifier(backbone: str, width: float, side: int, top1: float, top5: float) -> Public:
    """One of slim's ImageNet classifiers, trained for pictures of `side` pixels; figures in percent."""
    kind = {"mobilenet_v1": "MobileNetV1", "mobilenet_v2": "MobileNetV2"}[backbone]
    return _hugging_face(
        name=f"google_{backbone}" + ("" if width == 1 else f"_{width:g}"),
        address=f"hf://google/{backbone}_{width}_{side}",
        what=kind + ("" if width == 1 else f" of width {width:g}") + ", backbone and classifier of 1,001 classes (0 is "
        "the background)",
        backbone=backbone,
        width=width,
        trained_on="ImageNet",
        published=f"top-1 {top1}, top-5 {top5} at {side}",
        source="research/slim of tensorflow/models, of the TensorFlow original",
    )


def _digits(file: str) -> str:
    """The beginning of its SHA-256, which stands in a file's name."""
    return file.rpartition("-")[2].removesuffix(".pth")


def _torchvision_classifier(
    name: str, file: str, mebibytes: float, backbone: str, recipe: str, top1: float, top5: float
) -> Public:
    kind = {"mobilenet_v2": "MobileNetV2", "resnet101": "ResNet-101 with a 7x7 stem and strided first units"}[backbone]
    return _torchvision(
        name=f"torchvision_{name}",
        address=f"{_PYTORCH}/{file}",
        sha256=_digits(file),
        what=f"{kind}, backbone and classifier of 1,000 classes",
        backbone=backbone,
        trained_on=f"ImageNet, the {recipe} recipe",
        mebibytes=mebibytes,
        importer="torchvision",
        preprocessing="ImageNet's mean and standard deviation, symmetric padding, batch-norm eps 1e-5",
        published=f"top-1 {top1:.3f}, top-5 {top5:.3f} at 224",
    )


def _torchvision_network(name: str, file: str, mebibytes: float, miou: float) -> Public:
    """One of `torchvision.models.segmentation`, which is run as torchvision runs it (see `TorchvisionNetwork`)."""
    start = name == "deeplabv3_resnet101"
    also = "; a training starts from its backbone and its ASPP, as its last layers have no place in ours"
    return _torchvision(
        name=f"torchvision_{name}",
        address=f"{_PYTORCH}/{file}",
        sha256=_digits(file),
        what=f"{name} of torchvision.models.segmentation, VOC's 21 classes" + (also if start else ""),
        backbone="resnet101" if start else None,
        whole=True,
        trained_on="ImageNet, COCO pictures with VOC's classes",
        mebibytes=mebibytes,
        importer="torchvision" if start else None,
        preprocessing="ImageNet's mean and standard deviation; torchvision's own figures: shorter side 520",
        published=f"mIoU {miou} on COCO val2017 with VOC's classes (another task than VOC val)",
    )


def _zoo(name: str, width: float, mebibytes: float, seen: str, published: str, copy: Copy | None = None) -> Public:
    """One of the MobileNetV2 networks of the model zoo; `seen` is what of VOC it was trained on."""
    return _tensorflow(
        name=name,
        address=f"{_DOWNLOADS}/{name}.tar.gz",
        copy=copy,
        what="DeepLabv3, MobileNetV2" + ("" if width == 1 else f" of width {width:g}") + " without ASPP, 21 classes, "
        "canvas 513",
        backbone="mobilenet_v2",
        width=width,
        whole=True,
        trained_on=f"ImageNet, COCO, PASCAL VOC 2012 {seen}",
        mebibytes=mebibytes,
        published=published,
        source="the model zoo of TensorFlow's DeepLab; address unverified",
    )


_PUBLIC = (
    _hugging_face(
        name="google_deeplabv3_mobilenet_v2",
        address="hf://google/deeplabv3_mobilenet_v2_1.0_513",
        what="DeepLabv3, MobileNetV2 without ASPP, 21 classes, canvas 513",
        backbone="mobilenet_v2",
        whole=True,
        trained_on="ImageNet, COCO, PASCAL VOC 2012",
        published="VOC val mIoU 75.32 at OS 16, 77.33 at OS 8 with MF, if it is the checkpoint of train_aug, which the "
        "hub does not tell (one of trainval has seen val)",
        source="the model zoo of TensorFlow's DeepLab",
    ),
    _google_classifier("mobilenet_v2", 1.0, 224, 71.8, 91.0),
    _google_classifier("mobilenet_v2", 1.4, 224, 75.0, 92.5),
    _google_classifier("mobilenet_v2", 0.75, 160, 66.4, 87.3),
    _google_classifier("mobilenet_v2", 0.35, 96, 45.5, 70.4),
    _google_classifier("mobilenet_v1", 1.0, 224, 70.9, 89.9),
    _zoo(
        "deeplabv3_mnv2_pascal_train_aug_2018_01_29",
        1.0,
        23,
        "train_aug",
        "VOC val mIoU 75.32 at OS 16, 77.33 at OS 8 with MF",
    ),
    _zoo(
        "deeplabv3_mnv2_pascal_trainval_2018_01_29",
        1.0,
        23,
        "train_aug and trainval: it has seen val, and its mIoU there says nothing",
        "VOC test mIoU 80.25 at OS 8 with MF",
    ),
    _zoo(
        "deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01",
        0.5,
        7.6,
        "train_aug",
        "VOC val mIoU 70.19 at OS 16",
        Copy(
            address="https://raw.githubusercontent.com/Gauravv97/CameraBlur/b3b80ad9d8492c76957c3d7c4aa5e9a0cb7bf1f3/"
            "InputSize%20513px/frozen_inference_graph.pb",
            sha256="63cefc9e94c55557ca546c148895833ce0308094ebf478995c64ee365a804c70",
            licence="Apache-2.0 (Gauravv97/CameraBlur)",
            source="the frozen graph in a public repository; measured VOC val mIoU 70.17 at OS 16",
        ),
    ),
    _slim(
        name="mobilenet_v1_1.0_224",
        address=f"{_DOWNLOADS}/mobilenet_v1_2018_02_22/mobilenet_v1_1.0_224.tgz",
        backbone="mobilenet_v1",
        what="MobileNetV1, backbone and classifier",
        published="top-1 70.9, top-5 89.9 at 224",
        source="research/slim/nets/mobilenet_v1.md of tensorflow/models; address unverified",
    ),
    _slim(
        name="mobilenet_v2_1.0_224",
        address="https://storage.googleapis.com/mobilenet_v2/checkpoints/mobilenet_v2_1.0_224.tgz",
        backbone="mobilenet_v2",
        what="MobileNetV2, backbone and classifier",
        published="top-1 71.8, top-5 91.0 at 224 (of the moving averages, which are taken)",
        source="research/slim/nets/mobilenet of tensorflow/models; address unverified",
    ),
    _slim(
        name="resnet_v1_101_2018_05_04",
        address=f"{_DOWNLOADS}/resnet_v1_101_2018_05_04.tar.gz",
        backbone="resnet101",
        what="ResNet-101 with a deep stem and strided last units (resnet_v1_101_beta), backbone and classifier",
        mebibytes=477,
        published="no figure; it is what the table's ResNet-101 started from",
        source="the model zoo of TensorFlow's DeepLab; address unverified",
    ),
    _torchvision_classifier(
        "mobilenet_v2_v1", "mobilenet_v2-b0353104.pth", 13.555, "mobilenet_v2", "plain", 71.878, 90.286
    ),
    _torchvision_classifier(
        "mobilenet_v2_v2", "mobilenet_v2-7ebf99e0.pth", 13.598, "mobilenet_v2", "long", 72.154, 90.822
    ),
    _torchvision_classifier("resnet101_v1", "resnet101-63fe2227.pth", 170.511, "resnet101", "plain", 77.374, 93.546),
    _torchvision_classifier("resnet101_v2", "resnet101-cd907fc2.pth", 170.53, "resnet101", "long", 81.886, 95.78),
    _torchvision_network("deeplabv3_resnet101", "deeplabv3_resnet101_coco-586e9e4e.pth", 233.217, 67.4),
    _torchvision_network("deeplabv3_resnet50", "deeplabv3_resnet50_coco-cd0a2569.pth", 160.515, 66.4),
    _torchvision_network("deeplabv3_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large-fc3c493d.pth", 42.301, 60.3),
    _torchvision_network("fcn_resnet101", "fcn_resnet101_coco-7ecb50ca.pth", 207.711, 63.7),
    _torchvision_network("fcn_resnet50", "fcn_resnet50_coco-1167a1af.pth", 135.009, 60.5),
    _torchvision_network("lraspp_mobilenet_v3_large", "lraspp_mobilenet_v3_large-d234d4ea.pth", 12.49, 57.9),
    _timm(
        name="timm_mobilenetv1_100",
        address="hf://timm/mobilenetv1_100.ra4_e3600_r224_in1k/model.safetensors",
        what="MobileNetV1, backbone and classifier of 1,000 classes",
        backbone="mobilenet_v1",
        trained_on="ImageNet, a long recipe",
        preprocessing="x / 127.5 - 1, symmetric padding, batch-norm eps 1e-5",
        published="top-1 76.094, top-5 93.004 at 256",
        source="timm's README",
    ),
    _timm(
        name="timm_resnet101s",
        address="hf://timm/resnet101s.gluon_in1k/model.safetensors",
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
