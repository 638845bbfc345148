"""The networks by name. `build_network` and `build_classifier` take plain values and build."""

import inspect
import pkgutil
from collections.abc import Sequence
from typing import Any

from torch import nn

from segkit.base.labels import Palette, voc_palette
from segkit.models.atrous import aspp_rates
from segkit.models.backbone import Backbone
from segkit.models.classifier import Classifier
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.layers import initialise
from segkit.models.options import BACKBONES, check_backbone

IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""Mean colour of ImageNet, RGB on 0..255 (torchvision's 0.485, 0.456, 0.406)."""
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Standard deviation beside it (torchvision's 0.229, 0.224, 0.225)."""
TENSORFLOW_MEAN = TENSORFLOW_STD = (127.5, 127.5, 127.5)
"""TensorFlow's `x / 127.5 - 1`."""


def backbone_class(name: str) -> type[Backbone]:
    """The class of a backbone. Raises ValueError, which lists the names, for an unknown one."""
    kind: type[Backbone] = pkgutil.resolve_name(BACKBONES[check_backbone(name)])
    return kind


def backbone_options(name: str) -> dict[str, Any]:
    """The options of a backbone's class, each with the annotation that bounds its values; ValueError as above."""
    parameters = inspect.signature(backbone_class(name)).parameters.values()
    return {each.name: each.annotation for each in parameters if each.kind is each.KEYWORD_ONLY}


def build_network(
    backbone: str,
    *,
    classes: Sequence[str],
    palette: Palette | None = None,
    aspp: bool = True,
    output_stride: int = 16,
    options: dict[str, Any] | None = None,
    mean: Sequence[float] = TENSORFLOW_MEAN,
    std: Sequence[float] = TENSORFLOW_STD,
    canvas: int | None = None,
) -> DeepLabV3:
    """A DeepLabv3 with fresh weights.

    `options` are those of the backbone's class (width, padding, eps, stem, ...); `palette` defaults to VOC's colours.
    Raises ValueError for an unknown backbone or output stride.
    """
    options = dict(options or {})
    network = DeepLabV3(
        backbone_class(backbone)(output_stride, **options),
        rates=aspp_rates(output_stride) if aspp else (),
        classes=classes,
        palette=palette or voc_palette(len(classes)),
        mean=mean,
        std=std,
        canvas=canvas,
        architecture={"backbone": backbone, "aspp": aspp, "options": options},
    )
    initialise(network)
    nn.init.normal_(network.classifier.weight, std=0.01)  # near-uniform first guesses keep the first losses at ln(C)
    return network


def build_classifier(
    backbone: str,
    *,
    num_classes: int = 1000,
    options: dict[str, Any] | None = None,
    mean: Sequence[float] = TENSORFLOW_MEAN,
    std: Sequence[float] = TENSORFLOW_STD,
) -> Classifier:
    """The classifier form of a backbone, with fresh weights; arguments and errors as in `build_network`."""
    kind = backbone_class(backbone)
    options = {**kind.classifier_options, **(options or {})}
    classifier = Classifier(
        kind(32, **options),
        num_classes=num_classes,
        mean=mean,
        std=std,
        architecture={"backbone": backbone, "options": options},
    )
    initialise(classifier)
    return classifier
