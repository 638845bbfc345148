"""Hugging Face's names: the MobileNet classes of transformers, with any of its heads or none.

Names as in https://github.com/huggingface/transformers/tree/main/src/transformers/models/mobilenet_v2 and mobilenet_v1.
Tensors do not tell `tf_padding` and `layer_norm_eps`; the published models have the defaults of their configs, which
are taken here: TensorFlow's padding, 1e-3 in the backbone. The head has 1e-5 in the code.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from segkit.base.labels import VOC_CLASSES
from segkit.models.build import TENSORFLOW_MEAN, TENSORFLOW_STD
from segkit.weights.imported import Weights
from segkit.weights.importers.widths import mobilenet_v2_width

SOURCE = "Hugging Face"
CANVAS = 513
"""The square of the official VOC model, of which Hugging Face's is a conversion."""

_PREFIX = re.compile(r"^mobilenet_v[12]\.")
_LAYERS = {
    "conv_stem": "backbone.stem",  # MobileNetV1's whole stem
    "conv_stem.first_conv": "backbone.stem",
    "conv_stem.conv_3x3": "backbone.blocks.0.depthwise",
    "conv_stem.reduce_1x1": "backbone.blocks.0.project",
    "conv_1x1": "last",
    "segmentation_head.conv_pool": "head.image_pooling",
    "segmentation_head.conv_aspp": "head.branches.0",
    "segmentation_head.conv_projection": "head.projection",
}
_UNIT = {"expand_1x1": "expand", "conv_3x3": "depthwise", "reduce_1x1": "project"}


def matches(names: set[str]) -> bool:
    """Whether these are Hugging Face's names."""
    plain = {_PREFIX.sub("", name) for name in names}
    return not plain.isdisjoint({"conv_stem.first_conv.convolution.weight", "conv_stem.convolution.weight"})


def convert(tensors: Mapping[str, Tensor]) -> Weights:
    """The weights in segkit's names; KeyError where an expected tensor is missing."""
    named = {_rename(_PREFIX.sub("", name)): tensor for name, tensor in tensors.items()}
    backbone = "mobilenet_v1" if "backbone.blocks.0.pointwise.conv.weight" in named else "mobilenet_v2"
    segmentation = "head.projection.conv.weight" in named
    if segmentation:  # the last convolution is carried along, unused: the head is built on the map before it
        named = {name: tensor for name, tensor in named.items() if not name.startswith("last.")}
    options: dict[str, object] = {"padding": "tensorflow", "eps": 1e-3}
    if backbone == "mobilenet_v2":
        options |= mobilenet_v2_width(named, divisors=(8,))
    return Weights(
        source=SOURCE,
        backbone=backbone,
        options=options,
        tensors=named,
        mean=TENSORFLOW_MEAN,
        std=TENSORFLOW_STD,
        canvas=CANVAS if segmentation else None,
    )


def classes_beside(path: Path, count: int | None) -> tuple[str, ...] | None:
    """The names of `count` classes in the `id2label` of a config.json beside a file; None where it does not tell them.

    VOC's classes are called as everywhere in segkit; "LABEL_0", which stands for no name, is none.
    """
    try:
        told = json.loads(path.with_name("config.json").read_text(encoding="utf-8"))["id2label"]
        names = tuple(str(told[str(number)]) for number in range(len(told)))
    except (OSError, ValueError, KeyError, TypeError):  # no such file, or one of another program's
        return None
    if len(names) != count or len(set(names)) < count or re.fullmatch(r"LABEL_\d+", names[0]):
        return None
    return VOC_CLASSES if tuple(map(_letters, names)) == tuple(map(_letters, VOC_CLASSES)) else names


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _rename(name: str) -> str:
    if match := re.match(r"^(?:segmentation_head\.)?classifier\.(?:convolution\.)?(weight|bias)$", name):
        return f"classifier.{match[1]}"
    if match := re.match(r"^(.+)\.(convolution|normalization)\.(\w+)$", name):
        return f"{_rename_layer(match[1])}.{'conv' if match[2] == 'convolution' else 'norm'}.{match[3]}"
    return name  # unknown: kept, so that the loader names it as unexpected


def _rename_layer(layer: str) -> str:
    if layer in _LAYERS:
        return _LAYERS[layer]
    if match := re.match(r"^layer\.(\d+)\.(expand_1x1|conv_3x3|reduce_1x1)$", layer):
        return f"backbone.blocks.{int(match[1]) + 1}.{_UNIT[match[2]]}"  # block 0 is in their stem
    if match := re.match(r"^layer\.(\d+)$", layer):  # MobileNetV1 alternates
        block, pointwise = divmod(int(match[1]), 2)
        return f"backbone.blocks.{block}.{'pointwise' if pointwise else 'depthwise'}"
    return layer
