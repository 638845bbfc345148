"""A recipe's sections turned into the things they describe."""

from segkit.base.errors import ConfigError
from segkit.config import DataConfig, ModelConfig, ShapesConfig, VocConfig
from segkit.data.dataset import Dataset
from segkit.data.folder import FolderDataset
from segkit.data.shapes import ShapesDataset
from segkit.data.voc import VocDataset
from segkit.models import DeepLabV3
from segkit.weights.build import build_model


def open_dataset(data: DataConfig, split: str) -> Dataset:
    """The data set of a recipe's `data` section; DataError where it is not there or not whole."""
    if isinstance(data, VocConfig):
        return VocDataset(data.root, split)
    if isinstance(data, ShapesConfig):
        size = data.train_size if split == data.train_split else data.val_size
        return ShapesDataset(split, size=size, side=data.side, seed=data.seed)
    return FolderDataset(
        data.root,
        split=split,
        classes=data.classes,
        images=data.images,
        labels=data.labels,
        list=data.list,
        colours=data.colours,
        ignore=data.ignore,
        mapping=data.mapping,
    )


def build_from_config(config: ModelConfig, dataset: Dataset) -> DeepLabV3:
    """The network of a recipe's `model` section for the classes of a data set."""
    options = config.options
    if not set(options) <= ({"width"} if config.backbone == "mobilenet_v2" else {"stem", "strided_unit", "multi_grid"}):
        raise ConfigError(f"model: {', '.join(options)} cannot all be set for {config.backbone}")
    if config.backbone == "mobilenet_v1" and options:
        raise ConfigError(f"model: mobilenet_v1 has no {', '.join(options)}")
    return build_model(
        config.backbone,
        aspp=config.aspp,
        output_stride=config.output_stride,
        classes=dataset.classes,
        palette=dataset.palette,
        weights=config.weights,
        options=options,
        canvas=config.canvas,
    )
