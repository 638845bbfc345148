"""A recipe's sections turned into the things they describe."""

from collections.abc import Sequence
from pathlib import Path

from segkit.base.device import choose_device
from segkit.base.errors import ConfigError
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.folder import FolderDataset
from segkit.data.pairs import PairedFiles, stretch_of
from segkit.data.shapes import SPLITS, ShapesDataset
from segkit.data.transforms import TrainingTransform
from segkit.data.voc import VocDataset
from segkit.models.build import backbone_options
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.config import DataConfig, FolderConfig, ModelConfig, ShapesConfig, TrainConfig, VocConfig
from segkit.weights.build import build_model, load_model


def open_dataset(data: DataConfig, split: str, *, findings: list[Finding] | None = None) -> Dataset:
    """The data set of a recipe's `data` section.

    Raises DataError where it is not there or not whole, ConfigError where the section contradicts itself. Where a list
    of `findings` is given, what is wrong with single names is told there and the rest opened.
    """
    if not isinstance(data, ShapesConfig):
        return open_files(data, split, findings=findings)
    if split not in SPLITS:
        raise ConfigError(f"the shapes have no split {split!r}: choose one of {', '.join(SPLITS)}")
    size = data.train_size if split == data.train_split else data.val_size
    return ShapesDataset(split, size=size, side=data.side, seed=data.seed)


def open_files(data: VocConfig | FolderConfig, split: str, *, findings: list[Finding] | None = None) -> PairedFiles:
    """A data set of files, as `open_dataset` does."""
    if isinstance(data, VocConfig):
        return VocDataset(data.existing_root(), split, findings=findings)
    return FolderDataset(
        data.existing_root(),
        split=split,
        classes=data.classes,
        images=data.images,
        labels=data.labels,
        list=data.list,
        colours=data.colours,
        ignore=data.ignore,
        mapping=data.mapping,
        stretch=data.stretch,
        findings=findings,
    )


def training_transform(config: TrainConfig, *, mean: Sequence[float], wanted: int | None = None) -> TrainingTransform:
    """The training pictures of a recipe's `train` section; `mean`, RGB in 0..255, is the colour of the padding.

    With a class `wanted` they are cut where it is.
    """
    return TrainingTransform(
        crop=config.crop,
        mean=mean,
        scales=config.scales,
        scale_step=config.scale_step,
        mirror=config.mirror,
        jitter=config.jitter,
        wanted=wanted,
    )


def build_from_config(config: ModelConfig, dataset: Dataset) -> DeepLabV3:
    """The network of a recipe's `model` section for the classes of a data set.

    Raises ConfigError for an option that the backbone has not got, WeightsError where the weights do not fit.
    """
    known = backbone_options(config.backbone)
    for option in config.options:
        if option not in known:
            raise ConfigError(f"model.{option}: {config.backbone} has no such option: leave it out")
    network = build_model(
        config.backbone,
        aspp=config.aspp,
        output_stride=config.output_stride,
        classes=dataset.classes,
        palette=dataset.palette,
        weights=config.weights,
        options=config.options,
        canvas=config.canvas,
    )
    network.stretch = stretch_of(dataset)
    return network


def load_for_data(
    path: Path | str, dataset: Dataset, *, output_stride: int, canvas: int | None, device: str = "auto"
) -> DeepLabV3:
    """The network in a file, ready to predict a data set's pictures.

    The data set names the classes where the file does not; `canvas` is the recipe's, which goes before the file's.
    Raises WeightsError for a file without a whole network, DeviceError for a device that is not there.
    """
    target = choose_device(device)
    return load_model(path, output_stride=output_stride, classes=dataset.classes, canvas=canvas).to(target)
