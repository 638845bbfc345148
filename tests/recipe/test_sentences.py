"""The place that a complaint names, and the answers to keys that people know from elsewhere."""

import re

import pytest

from segkit.base.errors import ConfigError
from segkit.recipe.answers import ANSWERS
from segkit.recipe.config import FolderConfig, ModelConfig, TrainConfig
from segkit.recipe.reading import config_from

SECTIONS = {"model": ModelConfig, "data": FolderConfig, "train": TrainConfig}
FOLDER = {"kind": "folder", "root": "x", "classes": ["road", "other"]}


@pytest.fixture
def complaint():
    """A function that gives the sentence about plain data with overrides."""

    def complaint(*overrides: str, **sections: dict[str, object]) -> str:
        with pytest.raises(ConfigError) as caught:
            config_from({"data": FOLDER, **sections}, source="mine.yaml", overrides=overrides)
        return str(caught.value)

    return complaint


@pytest.mark.parametrize(
    ("override", "answer"),
    [
        ("train.epochs=3", "give train.iterations"),
        ("train.patience=5", "best.safetensors is the best of its evaluations"),
        ("train.early_stopping=true", "a training runs to the end"),
        ("train.freeze_backbone=true", "give train.freeze=[backbone]"),
        ("train.optimizer=adamw", "the optimiser is SGD"),
        ("train.loss=dice", "train.jaccard adds a soft Jaccard term"),
        ("train.scheduler=cosine", "the poly schedule of train.power"),
        ("train.resize=512", "pictures are not resized: train.crop"),
        ("data.Image-Size=512", "pictures are not resized: train.crop"),
        ("train.amp=true", "give train.precision"),
        ("train.gpus=2", "torchrun starts a process for each"),
        ("data.num_classes=3", "data.classes names the classes"),
        ("model.num_classes=3", "data.classes names the classes"),
        ("data.img_suffix=.jpg", "labels are PNGs of the same names"),
        ("train.gradient_clip=1", "gradients are not clipped"),
        ("train.vertical_flip=true", "nothing else"),
    ],
)
def test_keys_that_people_look_for_have_an_answer(complaint, override, answer):
    sentence = complaint(override)
    assert sentence.startswith(f"{override!r}: unknown key {override.partition('=')[0]}: ")
    assert answer in sentence and "did you mean" not in sentence


def test_the_answers_name_keys_that_there_are_for_keys_that_there_are_not():
    for key, answer in ANSWERS.items():
        for section, name in re.findall(r"\b(model|data|train)\.(\w+)", answer):
            assert name in SECTIONS[section].model_fields, f"{key}: {section}.{name}"
        assert not any(key in section.model_fields for section in SECTIONS.values() if key not in ("images", "labels"))


def test_what_is_wrong_in_the_file_is_the_files_and_what_was_given_beside_it_is_not(complaint):
    assert complaint(train={"epochs": 3}).startswith("mine.yaml: unknown key train.epochs")
    assert complaint("train.lr=0.1", train={"epochs": 3}).startswith("mine.yaml: unknown key train.epochs")
    assert complaint("train.lr=0").startswith("'train.lr=0': train.lr: should be greater than 0, not 0")
    assert complaint("train.lr=0.1", "train.lr=fast").startswith("'train.lr=fast': train.lr: should be")
    assert complaint("train={crop: 3}").startswith("'train={crop: 3}': train.crop: should be greater than")
    assert complaint("data.classes.0=road").startswith("'data.classes.0=road': classes has no keys of its own")
    assert complaint("data.colour_map=3").startswith(
        "'data.colour_map=3': unknown key data.colour_map: give data.colours"
    )
    assert complaint("data={kind: voc}").startswith("'data={kind: voc}': data.root is missing")


def test_a_contradiction_is_the_overrides_that_it_names(complaint):
    assert complaint("train.accumulate=3").startswith("'train.accumulate=3': train.batch_size=16 is no multiple of")
    given = complaint("train.lr=1", train={"accumulate": 3})
    assert given.startswith("mine.yaml: train.batch_size=16 is no multiple of train.accumulate=3")
