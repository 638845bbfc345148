"""Whole trainings of a second: learning, stopping, and what is left on disk."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from segkit.base.errors import ConfigError, DataError, DeviceError, OutputError, SegkitError
from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, voc_palette
from segkit.data.folder import FolderDataset
from segkit.evaluation.evaluate import evaluate
from segkit.recipe.build import build_from_config, open_dataset
from segkit.training import loss
from segkit.training.events import Evaluated, Event, Note, Step
from segkit.training.log import bad_pictures
from segkit.training.train import train
from segkit.weights.build import load_model
from segkit.weights.files import save_model
from segkit.weights.lineage import read_lineage

FILES = {"config.yaml", "versions.json", "metrics.jsonl", "best.safetensors", "last.safetensors", "state.safetensors"}
FILES |= {"state.before.safetensors"}  # from the second time on


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_pictures_are_learnt_by_heart(tmp_path, recipe):
    events: list[Event] = []
    config = recipe(
        iterations=40, evaluate_every=40, batch_size=4, lr=0.05, scales=(1, 1), batch_norm_momentum=0.3, log_every=8
    )
    result = train(config, tmp_path / "run", listen=events.append)
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.iteration for step in steps] == [8, 16, 24, 32, 40]
    assert steps[-1].loss < 0.4 < steps[0].loss < 1.5
    assert steps[-1].seconds_left == 0 and steps[0].pictures_per_second > 0 and 0 <= steps[0].waiting <= 1
    assert steps[0].lr == pytest.approx(0.05 * (1 - 7 / 40) ** 0.9)
    (evaluated,) = (event for event in events if isinstance(event, Evaluated))
    assert evaluated.best and evaluated.iteration == 40 and evaluated.evaluation.miou == result.best_miou


def test_what_a_run_leaves_behind(tmp_path, recipe):
    config = recipe(ema=0.5)
    result = train(config, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    lines = metrics(tmp_path / "run")
    assert [line["iteration"] for line in lines if "loss" in line] == [1, 2, 3, 4]
    scores = {line["iteration"]: line["val_miou"] for line in lines if "val_miou" in line}
    assert list(scores) == [2, 4] and max(scores.values()) == result.best_miou and result.skipped == 0

    val_set = open_dataset(config.data, "val")
    for path, iteration in ((result.last, 4), (result.best, max(scores, key=lambda n: (scores[n], -n)))):
        model = load_model(path, output_stride=32, train=True)
        assert model.classes == ("ground", "wall", "sky") and model.palette == val_set.palette
        assert evaluate(model, val_set).miou == scores[iteration]


def test_another_network_is_trained_in_the_same_loop(tmp_path, recipe, differing):
    saved = []
    config = recipe(iterations=1)
    torch.manual_seed(config.train.seed)
    model = config.model.model_copy(update={"output_stride": 16})
    network = build_from_config(model, open_dataset(config.data, "train"))

    def save(path, model, *, training):
        saved.append((path.name, model.output_stride, training["iteration"]))
        save_model(path, model, training=training)

    train(config, tmp_path / "run", network=network, save=save)
    assert saved == [("last.safetensors", 16, 1), ("best.safetensors", 16, 1)]
    train(recipe(iterations=1, model={"output_stride": 16}), tmp_path / "own")
    assert not differing(tmp_path / "run" / "last.safetensors", tmp_path / "own" / "last.safetensors")
    assert read_lineage(tmp_path / "own" / "last.safetensors").is_told
    assert not read_lineage(tmp_path / "run" / "last.safetensors").is_told  # whatever network that was


def test_best_is_kept_where_later_ones_are_worse(tmp_path, recipe, monkeypatch):
    scores = iter([0.2, 0.6, 0.6, 0.1])

    class Scored:
        def __init__(self) -> None:
            self.protocol: dict = {}
            self.miou = self.labelled_miou = next(scores)
            self.confusion = self
            self.iou = np.array([self.miou, math.nan])

    monkeypatch.setattr("segkit.training.train.evaluate", lambda *arguments, **options: Scored())
    events: list[Event] = []
    copies = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, Evaluated):
            copies.append((tmp_path / "run/last.safetensors").read_bytes())

    result = train(recipe(evaluate_every=1), tmp_path / "run", listen=listen)
    assert [event.best for event in events if isinstance(event, Evaluated)] == [True, True, False, False]
    assert result.best_miou == 0.6
    assert result.best.read_bytes() == copies[1] and result.last.read_bytes() == copies[3]


def test_workers_do_not_change_the_weights(tmp_path, recipe, differing):
    for workers in (0, 2):
        train(recipe(workers=workers, iterations=2, jitter=0.5), tmp_path / str(workers))
    assert not differing(tmp_path / "0/last.safetensors", tmp_path / "2/last.safetensors")


def test_frozen_statistics_stay_those_of_the_start(tmp_path, recipe):
    first = train(recipe(iterations=1), tmp_path / "first").last
    second = train(recipe(iterations=2, batch_norm="freeze", model={"weights": str(first)}), tmp_path / "second").last
    before, after = (load_model(path, train=True).state_dict() for path in (first, second))
    statistics = [name for name in before if "running" in name]
    assert statistics and all(torch.equal(before[name], after[name]) for name in statistics)
    assert not torch.equal(before["classifier.weight"], after["classifier.weight"])


def without_labels(folder: Path, pictures: Path, split: str) -> Path:
    """A copy of the data set in which a split is labelled IGNORE all over."""
    shutil.copytree(pictures, folder)
    for path in (folder / "labels" / split).iterdir():
        save_label(path, np.full((36, 40), IGNORE, np.uint8), voc_palette(3))
    return folder


def test_nothing_to_score_by_is_told_and_no_best_is_chosen(tmp_path, recipe, pictures):
    root = without_labels(tmp_path / "data", pictures, "val")
    events: list[Event] = []
    result = train(recipe(data={"root": str(root)}), tmp_path / "run", listen=events.append)
    lines = [line for line in metrics(tmp_path / "run") if "val_miou" in line]
    assert [(line["val_miou"], line["best"]) for line in lines] == [(None, False), (None, False)]
    assert result.best_miou is None and result.best.read_bytes() == result.last.read_bytes()
    notes = [event.text for event in events if isinstance(event, Note)]
    assert any(note.startswith("val: no pixel has a class, so there is no mIoU") for note in notes)
    assert not any(event.best for event in events if isinstance(event, Evaluated))


@pytest.mark.parametrize(
    ("void", "weights", "said"),
    [
        (True, None, r"train: no pixel of the labels has a class, so nothing would be learnt: label them"),
        (False, (0, 0, 0, 1), r"has a class to which train\.class_weights gives any weight, so nothing would be"),
    ],
)
def test_nothing_to_learn_from_is_refused(tmp_path, recipe, pictures, void, weights, said):
    root = without_labels(tmp_path / "data", pictures, "train") if void else pictures
    data = {"root": str(root), "classes": ("ground", "wall", "sky", "never"), "colours": None}
    with pytest.raises(DataError, match=said):
        train(recipe(data=data, class_weights=weights), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def with_broken(folder: Path, pictures: Path, *numbers: int) -> str:
    """A copy of the data set of which some pictures to train on are cut short."""
    shutil.copytree(pictures, folder)
    for number in numbers:
        path = folder / f"images/train/{number}.png"
        path.write_bytes(path.read_bytes()[:-200])
    return str(folder)


def test_pictures_that_cannot_be_read_are_left_out_and_counted(tmp_path, recipe, pictures):
    events: list[Event] = []
    config = recipe(data={"root": with_broken(tmp_path / "data", pictures, 1)}, on_bad_picture="skip", workers=1)
    result = train(config, tmp_path / "run", listen=events.append)
    left_out = [event.text for event in events if isinstance(event, Note) and "1.png" in event.text]
    assert len(left_out) == 1 and left_out[0].startswith("left out (train.on_bad_picture=skip)")
    assert result.bad_pictures == ("1",)
    assert [event.bad_pictures for event in events if isinstance(event, Step)][-1] == 1
    assert bad_pictures(metrics(tmp_path / "run")) == 1
    broken = with_broken(tmp_path / "all", pictures, 0, 1, 2, 3)
    with pytest.raises(DataError, match=r"none of the 4 pictures to train on can be read: .*\.png is broken"):
        train(recipe(data={"root": broken}, on_bad_picture="skip"), tmp_path / "none")


def test_a_picture_that_breaks_ends_a_run_which_can_go_on_without_it(tmp_path, recipe, monkeypatch, differing):
    real, gone = FolderDataset.picture, ["3"]

    def picture(self, index):
        if self.ids[index] in gone and "train" in self.pictures[index].parts:
            raise DataError(f"{self.pictures[index]} is broken")
        return real(self, index)

    monkeypatch.setattr(FolderDataset, "picture", picture)
    monkeypatch.setattr("segkit.training.sets.check_dataset", lambda dataset: [])  # it breaks later
    config = recipe(evaluate_every=4)
    with pytest.raises(
        DataError, match=r"3\.png is broken; or leave such pictures out with train\.on_bad_picture=skip"
    ):
        train(config, tmp_path / "run")
    skip = recipe(evaluate_every=4, on_bad_picture="skip")
    notes: list[Event] = []
    result = train(skip, tmp_path / "run", resume=True, listen=notes.append)
    assert result.bad_pictures == ("3",) and "resumed after 1 of 4" in str(notes[0])
    whole = train(skip, tmp_path / "whole")
    assert whole.bad_pictures == ("3",) and not differing(result.last, whole.last)


def test_bad_steps_are_skipped_and_counted(tmp_path, recipe, monkeypatch):
    real = loss.cross_entropy
    calls = []

    def now_and_then(*arguments, **options):
        calls.append(1)
        return real(*arguments, **options) * (math.nan if len(calls) in (2, 3) else 1)

    monkeypatch.setattr(loss, "cross_entropy", now_and_then)
    result = train(recipe(), tmp_path / "run")
    assert result.skipped == 2
    steps = [line for line in metrics(tmp_path / "run") if "loss" in line]
    assert [line["skipped"] for line in steps] == [0, 1, 2, 2]
    assert [line["loss"] is None for line in steps] == [False, True, True, False]
    assert all(torch.isfinite(value).all() for value in load_model(result.last, train=True).state_dict().values())


def test_ten_bad_steps_in_a_row_end_the_run_with_advice(tmp_path, recipe):
    events: list[Event] = []
    config = recipe(lr=1e30, iterations=40, evaluate_every=1_000)
    with pytest.raises(SegkitError, match=r"10 times in a row up to iteration \d+ \(loss .*lower train.lr") as caught:
        train(config, tmp_path / "run", listen=events.append)
    assert "\n" not in str(caught.value) and str(tmp_path / "run") in str(caught.value)
    assert [event.skipped for event in events if isinstance(event, Step)][-9:] == list(range(1, 10))


def test_a_folder_is_neither_overwritten_nor_mixed_up(tmp_path, recipe):
    train(recipe(iterations=1), tmp_path / "run")
    with pytest.raises(OutputError, match="is not empty"):
        train(recipe(iterations=1), tmp_path / "run")
    with pytest.raises(OutputError, match=r"was begun with train.lr=0.02, not 0.03"):
        train(recipe(iterations=1, lr=0.03), tmp_path / "run", resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds no run"):
        train(recipe(iterations=1), tmp_path / "other", resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        train(recipe(iterations=1), tmp_path / "file/run")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"data": {"classes": ("ground", "wall"), "colours": None}}, DataError, r"^\S+\.png holds the label value 2"),
        ({"data": {"root": "/nowhere"}}, DataError, "/nowhere"),
        ({"device": "cuda:7"}, DeviceError, "the device cuda:7 is not on this machine"),
        ({"class_weights": None, "model": {"weights": "/nowhere.safetensors"}}, SegkitError, "/nowhere.safetensors"),
    ],
)
def test_what_is_wrong_is_found_before_anything_is_written(tmp_path, recipe, options, error, message):
    with pytest.raises(error, match=message) as caught:
        train(recipe(**options), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_several_things_wrong_are_counted(tmp_path, recipe):
    with pytest.raises(DataError, match=r"\(and 3 more\)$") as caught:
        train(recipe(data={"classes": ("ground", "wall"), "colours": None}), tmp_path / "run")
    assert str(caught.value).count(".png") == 1  # the message names the file, and is not preceded by it again


def test_a_network_that_is_given_is_read_for_as_it_is_trained_on(tmp_path, recipe):
    config = recipe(iterations=1)
    network = build_from_config(config.model, open_dataset(config.data, "train"))
    network.stretch = (1, 2)  # of what it was trained on before
    assert load_model(train(config, tmp_path / "run", network=network).last).stretch is None
    with pytest.raises(ConfigError, match="this network has its batch norm folded in"):
        train(config, tmp_path / "folded", network=load_model(tmp_path / "run/last.safetensors"))
