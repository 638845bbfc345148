"""Hugging Face's names: the MobileNet classes of transformers, with any of its heads or none.

Names as in https://github.com/huggingface/transformers/tree/main/src/transformers/models/mobilenet_v2 and mobilenet_v1.
Tensors do not tell `tf_padding` and `layer_norm_eps`; the published models have the defaults of their configs, which
are taken here: TensorFlow's padding, 1e-3 in the backbone. The head has 1e-5 in the code.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from segkit.base.labels import VOC_CLASSES
from segkit.models.build import TENSORFLOW_MEAN, TENSORFLOW_STD
from segkit.weights.importers.naming import Naming, with_parts

SOURCE = "Hugging Face"

_UNIT = {"expand_1x1": "expand", "conv_3x3": "depthwise", "reduce_1x1": "project"}
_MOBILENET_V2 = {
    "conv_stem.first_conv": "backbone.stem",
    "conv_stem.conv_3x3": "backbone.blocks.0.depthwise",
    "conv_stem.reduce_1x1": "backbone.blocks.0.project",
    **{f"layer.{n}.{theirs}": f"backbone.blocks.{n + 1}.{ours}" for n in range(16) for theirs, ours in _UNIT.items()},
    "conv_1x1": "last",
}
_MOBILENET_V1 = {
    "conv_stem": "backbone.stem",
    **{f"layer.{2 * n}": f"backbone.blocks.{n}.depthwise" for n in range(13)},
    **{f"layer.{2 * n + 1}": f"backbone.blocks.{n}.pointwise" for n in range(13)},
}
_HEAD = {
    "segmentation_head.conv_pool": "head.image_pooling",
    "segmentation_head.conv_aspp": "head.branches.0",
    "segmentation_head.conv_projection": "head.projection",
}
_LOGITS = {"segmentation_head.classifier.convolution": "classifier", "classifier": "classifier"}


def _naming(backbone: str, prefix: str, mark: str, units: Mapping[str, str], divisors: tuple[int, ...] = ()) -> Naming:
    below = {f"{prefix}{theirs}": ours for theirs, ours in units.items()}
    return Naming(
        backbone=backbone,
        marks=frozenset({prefix + mark}),
        layers={**with_parts({**below, **_HEAD}, conv="convolution", norm="normalization"), **_LOGITS},
        options={"padding": "tensorflow", "eps": 1e-3},
        mean=TENSORFLOW_MEAN,
        std=TENSORFLOW_STD,
        canvas=513,  # the official VOC model's, of which Hugging Face's is a conversion
        divisors=divisors,
    )


NAMINGS = (  # below a head the network has its name before its layers
    *(
        _naming("mobilenet_v2", prefix, "conv_stem.first_conv.convolution.weight", _MOBILENET_V2, divisors=(8,))
        for prefix in ("", "mobilenet_v2.")
    ),
    *(
        _naming("mobilenet_v1", prefix, "conv_stem.convolution.weight", _MOBILENET_V1)
        for prefix in ("", "mobilenet_v1.")
    ),
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
