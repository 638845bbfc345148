"""A recipe's sections turned into data sets and networks."""

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import ConfigError, DataError, WeightsError
from segkit.recipe.build import build_from_config, open_dataset
from segkit.recipe.config import FolderConfig, ModelConfig, ShapesConfig, VocConfig


def test_a_folder(tmp_path):
    label = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
    for kind, picture in (("images", np.zeros((2, 3, 3), np.uint8)), ("labels", label)):
        (tmp_path / kind / "val").mkdir(parents=True)
        for number in range(2):
            Image.fromarray(picture).save(tmp_path / kind / "val" / f"{number}.png")
    config = FolderConfig(kind="folder", root=str(tmp_path), classes=("a", "b", "c"), mapping={2: 1})
    dataset = open_dataset(config, "val")
    assert len(dataset) == 2 and dataset.classes == ("a", "b", "c")
    assert set(dataset[0].label.flatten().tolist()) == {0, 1, 255}
    dataset = open_dataset(config.model_copy(update={"stretch": (10, 500)}), "val")
    assert build_from_config(ModelConfig(width=0.1), dataset).stretch == (10, 500)
    with pytest.raises(DataError, match="images/test cannot be read"):
        open_dataset(config, "test")


def test_shapes():
    config = ShapesConfig(kind="shapes", side=33, train_size=5, val_size=3, seed=1)
    train, val = open_dataset(config, "train"), open_dataset(config, "val")
    assert (len(train), len(val), len(open_dataset(config, "test"))) == (5, 3, 3)
    assert train[0].image.shape == (33, 33, 3) and (train[0].image != val[0].image).any()
    other = open_dataset(ShapesConfig(kind="shapes", side=33, train_size=5), "train")
    assert (train[0].image != other[0].image).any()
    with pytest.raises(ConfigError, match=r"^the shapes have no split 'half': choose one of train, val, test$"):
        open_dataset(config, "half")


def test_voc(shared, tmp_path):
    dataset = open_dataset(VocConfig(kind="voc", root=str(shared / "data/voc2012")), "val")
    assert len(dataset) == 1449 and len(dataset.classes) == 21
    with pytest.raises(DataError):
        open_dataset(VocConfig(kind="voc", root=str(tmp_path)), "val")


def test_a_network_for_the_classes_of_a_data_set():
    dataset = open_dataset(ShapesConfig(kind="shapes"), "train")
    network = build_from_config(ModelConfig(width=0.1, output_stride=8, canvas=65, aspp=True), dataset)
    assert network.classes == dataset.classes and network.palette == dataset.palette
    assert network.output_stride == 8 and network.canvas == 65
    assert network.architecture == {"backbone": "mobilenet_v2", "aspp": True, "options": {"width": 0.1}}


@pytest.mark.parametrize(
    ("backbone", "option", "value"),
    [("mobilenet_v1", "width", 0.5), ("resnet101", "width", 0.5), ("mobilenet_v2", "multi_grid", (1, 2, 4))],
)
def test_an_option_of_another_backbone_is_refused(backbone, option, value):
    dataset = open_dataset(ShapesConfig(kind="shapes"), "train")
    with pytest.raises(ConfigError, match=rf"^model.{option}: {backbone} has no such option: leave it out$"):
        build_from_config(ModelConfig(backbone=backbone, **{option: value}), dataset)


def test_weights_that_are_not_there(tmp_path):
    dataset = open_dataset(ShapesConfig(kind="shapes"), "train")
    with pytest.raises(WeightsError, match=r"absent.safetensors: there is no such file"):
        build_from_config(ModelConfig(weights=str(tmp_path / "absent.safetensors")), dataset)
