"""segkit: DeepLabv3 with MobileNetV1, MobileNetV2 and ResNet-101, for PASCAL VOC and for your own pictures.

The public names are imported when they are first used, so that `import segkit` and `segkit --help` load no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from segkit.version import VERSION

if TYPE_CHECKING:  # as themselves: re-exported, to type checkers
    from segkit.base.errors import SegkitError as SegkitError
    from segkit.data.folder import FolderDataset as FolderDataset
    from segkit.data.shapes import ShapesDataset as ShapesDataset
    from segkit.data.voc import VocDataset as VocDataset
    from segkit.deploy.open import load_segmenter as load_segmenter
    from segkit.evaluation.evaluate import evaluate as evaluate
    from segkit.evaluation.inference import MF_SCALES as MF_SCALES
    from segkit.evaluation.inference import predict as predict
    from segkit.evaluation.inference import predict_labels as predict_labels
    from segkit.evaluation.metrics import ConfusionMatrix as ConfusionMatrix
    from segkit.evaluation.result import Evaluation as Evaluation
    from segkit.models.complexity import count_madds as count_madds
    from segkit.models.complexity import count_parameters as count_parameters
    from segkit.models.deeplabv3 import DeepLabV3 as DeepLabV3
    from segkit.recipe.config import Config as Config
    from segkit.recipe.reading import load_config as load_config
    from segkit.training.train import train as train
    from segkit.weights.build import build_model as build_model
    from segkit.weights.build import load_classifier as load_classifier
    from segkit.weights.build import load_model as load_model
    from segkit.weights.files import save_model as save_model

__version__ = VERSION

_HOME = {
    "Config": "segkit.recipe.config",
    "ConfusionMatrix": "segkit.evaluation.metrics",
    "DeepLabV3": "segkit.models.deeplabv3",
    "Evaluation": "segkit.evaluation.result",
    "FolderDataset": "segkit.data.folder",
    "MF_SCALES": "segkit.evaluation.inference",
    "SegkitError": "segkit.base.errors",
    "ShapesDataset": "segkit.data.shapes",
    "VocDataset": "segkit.data.voc",
    "build_model": "segkit.weights.build",
    "count_madds": "segkit.models.complexity",
    "count_parameters": "segkit.models.complexity",
    "evaluate": "segkit.evaluation.evaluate",
    "load_classifier": "segkit.weights.build",
    "load_config": "segkit.recipe.reading",
    "load_model": "segkit.weights.build",
    "load_segmenter": "segkit.deploy.open",
    "predict": "segkit.evaluation.inference",
    "predict_labels": "segkit.evaluation.inference",
    "save_model": "segkit.weights.files",
    "train": "segkit.training.train",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'segkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
