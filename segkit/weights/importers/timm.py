"""timm's names: `mobilenetv1_100` and `resnet101s`, with their classifiers or without.

Names as in https://github.com/huggingface/pytorch-image-models. Normalisation is that of the pretrained configs, 0.5
for `mobilenetv1_100.ra4_e3600_r224_in1k` and ImageNet's for `resnet101s.gluon_in1k`; batch norm's eps is 1e-5 in
both, padding symmetric.
"""

from segkit.models.build import IMAGENET_MEAN, IMAGENET_STD, TENSORFLOW_MEAN, TENSORFLOW_STD
from segkit.weights.importers.naming import Naming
from segkit.weights.importers.torchvision import RESNET, RESNET_OPTIONS

SOURCE = "timm"

_BLOCK = {"conv_dw": "depthwise.conv", "bn1": "depthwise.norm", "conv_pw": "pointwise.conv", "bn2": "pointwise.norm"}
# timm numbers a block within its stage.
_BLOCKS = [f"{stage}.{n}" for stage, repeats in enumerate((1, 2, 2, 6, 2)) for n in range(repeats)]
_MOBILENET_V1 = {
    "conv_stem": "backbone.stem.conv",
    "bn1": "backbone.stem.norm",
    **{
        f"blocks.{place}.{theirs}": f"backbone.blocks.{n}.{ours}"
        for n, place in enumerate(_BLOCKS)
        for theirs, ours in _BLOCK.items()
    },
}
_RESNET = {
    "conv1.0": "backbone.stem.0.conv",
    "conv1.1": "backbone.stem.0.norm",
    "conv1.3": "backbone.stem.1.conv",
    "conv1.4": "backbone.stem.1.norm",
    "conv1.6": "backbone.stem.2.conv",
    "bn1": "backbone.stem.2.norm",
    **RESNET,
}

NAMINGS = (
    Naming(
        backbone="mobilenet_v1",
        marks=frozenset({"conv_stem.weight", "blocks.4.1.conv_dw.weight", "blocks.1.0.bn2.weight"}),
        # The other networks with such a stem are EfficientNets, whose blocks after the first have other layers.
        unlike=frozenset({"blocks.1.0.conv_pwl.weight"}),
        layers=_MOBILENET_V1,
        options={"padding": "symmetric", "eps": 1e-5},
        mean=TENSORFLOW_MEAN,
        std=TENSORFLOW_STD,
    ),
    Naming(
        backbone="resnet101",
        marks=frozenset({"conv1.0.weight", "layer3.22.conv1.weight"}),
        layers=_RESNET,
        options={"stem": "deep", **RESNET_OPTIONS},
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    ),
)
