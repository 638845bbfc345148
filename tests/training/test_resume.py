"""Runs that were interrupted, wherever that was: what is saved, what is found, and that it goes on to the bit."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from torch import nn

from segkit.base.errors import ConfigError, DataError, OutputError
from segkit.base.labels import voc_palette
from segkit.data.shapes import ShapesDataset
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.build import open_dataset
from segkit.recipe.config import Config
from segkit.training import folder, keeper, log, state
from segkit.training import train as module
from segkit.training.events import Event, Note, Step
from segkit.training.state import read_state
from segkit.training.train import train
from segkit.weights import files
from segkit.weights.files import read_weights

ROOT = Path(__file__).parents[2]


class StopError(Exception):
    """Raised in the middle of a training."""


def stop_after(iteration: int):
    def listen(event: Event) -> None:
        if isinstance(event, Step) and event.iteration == iteration:
            raise StopError

    return listen


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class Stem(nn.Conv2d):
    """A backbone of one layer."""

    def __init__(self) -> None:
        super().__init__(3, 8, 3, stride=16, padding=1)
        self.output_stride = 16


def tiny() -> DeepLabV3:
    """A network whose step takes next to no time, always the same."""
    torch.manual_seed(0)
    return DeepLabV3(
        Stem(),
        rates=(),
        classes=("ground", "wall", "sky"),
        palette=voc_palette(3),
        mean=(0, 0, 0),
        std=(255, 255, 255),
        architecture={"backbone": "mobilenet_v2", "aspp": False, "options": {}},  # to be saved as one
    )


def contents(folder: Path) -> dict[str, bytes]:
    """What every file of a run but versions.json, which tells the time, holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "versions.json"}


KILLED = """
    import os, signal, sys, yaml, torch
    torch.set_num_threads(int(sys.argv[3]))
    from segkit.recipe.config import Config
    from segkit.training.events import Step
    from segkit.training.train import train

    def listen(event):
        if isinstance(event, Step) and event.iteration == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    train(Config.model_validate(yaml.safe_load(sys.argv[1])), sys.argv[2], listen=listen)
"""


def test_a_killed_run_resumes_to_the_bit(tmp_path, recipe, differing):
    config = recipe(iterations=6, ema=0.9, accumulate=2, precision="bf16", jaccard=0.3, jitter=0.5, warmup=2)
    whole = train(config, tmp_path / "whole")
    text = yaml.safe_dump(config.model_dump(mode="json"))
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), text, str(tmp_path / "cut"), str(torch.get_num_threads())],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert metrics(tmp_path / "cut")[-1]["iteration"] == 5
    notes: list[Event] = []
    resumed = train(config, tmp_path / "cut", resume=True, listen=notes.append)
    assert Note("resumed after 4 of 6 iterations") in notes
    for name in ("last", "best", "state"):
        assert not differing(tmp_path / f"whole/{name}.safetensors", tmp_path / f"cut/{name}.safetensors")
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    assert resumed.best_miou == whole.best_miou


def test_a_finished_run_goes_on_for_more_iterations_by_the_schedule_of_so_many(tmp_path, recipe):
    train(recipe(iterations=4, lr=0.02), tmp_path / "run")
    notes: list[Event] = []
    train(recipe(iterations=8, lr=0.02), tmp_path / "run", resume=True, listen=notes.append)
    assert any(
        isinstance(note, Note) and note.text.startswith("train.iterations is 8 now and was 4:") for note in notes
    )
    lines = [line for line in metrics(tmp_path / "run") if "lr" in line]
    assert [line["iteration"] for line in lines] == list(range(1, 9))
    for line in lines:
        iterations = 4 if line["iteration"] <= 4 else 8
        assert line["lr"] == pytest.approx(0.02 * (1 - (line["iteration"] - 1) / iterations) ** 0.9)
    config = read_weights(tmp_path / "run/last.safetensors").training["config"]
    assert config["train"]["iterations"] == 8


@pytest.mark.parametrize("finished", [False, True])
def test_a_run_whose_data_were_moved_goes_on_to_the_bit(tmp_path, recipe, pictures, differing, finished):
    shutil.copytree(pictures, tmp_path / "old")
    before, after = (recipe(data={"root": str(tmp_path / name)}) for name in ("old", "new"))
    whole = train(before, tmp_path / "whole")
    if finished:
        shutil.copytree(tmp_path / "whole", tmp_path / "run")
    else:
        with pytest.raises(StopError):
            train(before, tmp_path / "run", listen=stop_after(3))
    (tmp_path / "old").rename(tmp_path / "new")
    notes: list[Event] = []
    moved = train(after, tmp_path / "run", resume=True, listen=notes.append)
    assert any(
        isinstance(note, Note) and note.text.startswith(f"data.root is {tmp_path / 'new'} now") for note in notes
    )
    assert not differing(whole.last, moved.last)
    shutil.move(tmp_path / "new", tmp_path / "newer")
    with next((tmp_path / "newer/images/train").iterdir()).open("ab") as file:
        file.write(b"one byte more")
    with pytest.raises(OutputError, match="newer has other names or sizes"):
        train(recipe(data={"root": str(tmp_path / "newer")}), tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    "options",
    [
        {"precision": "fp16", "batch_norm": "freeze", "head_lr": 0.05},
        {"class_weights": (1, 2, 0.5), "seed": 3, "batch_size": 1, "channels_last": False},
    ],
)
def test_an_interrupted_run_resumes_to_the_bit(tmp_path, recipe, options):
    config = recipe(**options)
    train(config, tmp_path / "whole")
    for moment in (1, 3):  # before anything was saved, and after
        with pytest.raises(StopError):
            train(config, tmp_path / "cut", resume=moment > 1, listen=stop_after(moment))
    train(config, tmp_path / "cut", resume=True)
    # Tensors and counters, and so the scale of float16 and how long it has held.
    assert (tmp_path / "whole/state.safetensors").read_bytes() == (tmp_path / "cut/state.safetensors").read_bytes()
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


def count_writes(monkeypatch, *, stop_at: int = 0) -> list[str]:
    """Everything that a training writes, by the name of the file; instead of the write `stop_at`, StopError comes."""
    names: list[str] = []

    def watch(place: object, name: str) -> None:
        write = getattr(place, name)

        def watched(path: Path, *arguments, **values) -> None:
            names.append(path.name)
            if len(names) == stop_at:
                raise StopError
            write(path, *arguments, **values)

        monkeypatch.setattr(place, name, watched)

    for place in (folder, log, state, files):
        watch(place, "write_atomically")
    watch(keeper, "append_metrics")
    return names


def test_a_run_killed_before_any_of_its_writes_goes_on_to_the_bit_and_never_contradicts_itself(
    tmp_path, recipe, monkeypatch
):
    config = recipe(iterations=3, evaluate_every=2, save_minutes=1e-9, ema=0.5)  # saved after each step
    with monkeypatch.context() as patch:
        names = count_writes(patch)
        train(config, tmp_path / "whole", network=tiny())
    assert names[:2] == ["config.yaml", "versions.json"]
    # Each evaluation: the state before it and with it, then what it is worth, the line last.
    evaluation = ["state.safetensors", "state.safetensors", "last.safetensors", "best.safetensors", "metrics.jsonl"]
    assert names[6:11] == evaluation
    for number in range(1, len(names) + 1):
        cut = tmp_path / str(number)
        with monkeypatch.context() as patch:
            count_writes(patch, stop_at=number)
            with pytest.raises(StopError):
                train(config, cut, network=tiny())
        found = read_state(cut / "state.safetensors")
        done = 0 if found is None else found.counters.iteration
        for path in (cut / "last.safetensors", cut / "best.safetensors"):
            assert not path.is_file() or read_weights(path).training["iteration"] <= done
        train(config, cut, network=tiny(), resume=(cut / "config.yaml").is_file())
        assert contents(cut) == contents(tmp_path / "whole"), f"stopped before {names[number - 1]} ({number})"


def test_an_evaluation_that_comes_out_otherwise_the_second_time_leaves_no_contradiction(tmp_path, recipe, monkeypatch):
    """As on a GPU, where a step is not the same to the bit."""
    config = recipe(iterations=3, evaluate_every=1)
    evaluate = module.evaluate

    def score(*mious: float) -> None:
        scores = iter(mious)

        def scored(*arguments, **options):
            found = evaluate(*arguments, **options)
            miou = next(scores)
            confusion = SimpleNamespace(labelled_miou=miou, iou=found.confusion.iou)
            return SimpleNamespace(miou=miou, confusion=confusion, protocol=found.protocol)

        monkeypatch.setattr(module, "evaluate", scored)

    with monkeypatch.context() as patch:
        names = count_writes(patch)
        score(0.2, 0.6, 0.5)
        train(config, tmp_path / "whole", network=tiny())
    states = [place for place, name in enumerate(names) if name == "state.safetensors"]
    again = states[3]  # with the second evaluation, which is the best
    assert names[again : again + 4] == ["state.safetensors", "last.safetensors", "best.safetensors", "metrics.jsonl"]
    for number in range(again, again + 4):
        cut = tmp_path / str(number)
        with monkeypatch.context() as patch:
            count_writes(patch, stop_at=number + 1)
            score(0.2, 0.6)
            with pytest.raises(StopError):
                train(config, cut, network=tiny())
        saved = number > again  # before it, the evaluation comes again and is worse now
        score(*(() if saved else (0.1,)), 0.05)
        result = train(config, cut, network=tiny(), resume=True)
        lines = [line for line in metrics(cut) if "val_miou" in line]
        assert [line["iteration"] for line in lines] == [1, 2, 3]
        assert [line["val_miou"] for line in lines] == ([0.2, 0.6, 0.05] if saved else [0.2, 0.1, 0.05])
        best = read_weights(result.best).training
        assert best["val_miou"] == result.best_miou == max(line["val_miou"] for line in lines if line["best"])
        assert read_weights(result.last).training["iteration"] == 3
        assert read_state(cut / "state.safetensors").counters.best_miou == result.best_miou


def test_saving_goes_by_time(tmp_path, recipe, monkeypatch):
    now = [1000.0]
    saved = []
    monkeypatch.setattr(keeper, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def write(path, learner, counters):
        saved.append((counters.iteration, (path.parent / "last.safetensors").is_file()))

    monkeypatch.setattr(keeper, "write_state", write)

    def listen(event: Event) -> None:
        now[0] += 90 * isinstance(event, Step)  # a step takes a minute and a half

    config = recipe(iterations=10, evaluate_every=6, save_minutes=5)
    train(config, tmp_path / "run", network=tiny(), listen=listen)
    # At 4 after 6 minutes, before and with each evaluation, and anew from there.
    assert [iteration for iteration, _ in saved] == [4, 6, 6, 10, 10]
    assert saved[0] == (4, False)


def test_a_state_between_two_evaluations_goes_on_to_the_bit(tmp_path, recipe):
    config = recipe(iterations=4, evaluate_every=3, save_minutes=1e-9, ema=0.9)
    train(config, tmp_path / "whole")
    for stop in (2, 3):
        with pytest.raises(StopError):
            train(config, tmp_path / "cut", resume=stop > 2, listen=stop_after(stop))
    notes: list[Event] = []
    train(config, tmp_path / "cut", resume=True, listen=notes.append)
    assert Note("resumed after 2 of 4 iterations") in notes
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    entries = json.loads((tmp_path / "cut/versions.json").read_text())
    assert [entry["iteration"] for entry in entries] == [0, 1, 2]


def test_what_it_started_from_is_not_needed_to_go_on(tmp_path, recipe, pictures):
    start = train(recipe(iterations=1, seed=5), tmp_path / "first").last.rename(tmp_path / "start.safetensors")
    model = {"weights": str(start), "canvas": 49}
    config = recipe(iterations=4, evaluate_every=2, save_minutes=1e-9, model=model)
    train(config, tmp_path / "whole")
    with pytest.raises(StopError):
        train(config, tmp_path / "cut", listen=stop_after(4))
    start.unlink()
    train(config, tmp_path / "cut", resume=True)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_finished_run_is_left_as_it_is(tmp_path, recipe):
    start = train(recipe(iterations=1, seed=5), tmp_path / "first").last
    config = recipe(iterations=1, model={"weights": str(start)})
    first = train(config, tmp_path / "run")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "run").iterdir()}
    start.unlink()
    assert train(config, tmp_path / "run", resume=True) == first
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "run").iterdir()} == before


def test_another_precision_is_told(tmp_path, recipe, monkeypatch):
    config = recipe(precision="auto", iterations=2, evaluate_every=1)
    chosen = iter([torch.float32, torch.bfloat16])
    monkeypatch.setattr("segkit.training.learner.choose_precision", lambda *arguments: next(chosen))
    with pytest.raises(StopError):
        train(config, tmp_path / "run", network=tiny(), listen=stop_after(2))
    notes: list[Event] = []
    train(config, tmp_path / "run", network=tiny(), resume=True, listen=notes.append)
    assert any(isinstance(note, Note) and note.text.startswith("precision is bfloat16 now") for note in notes)
    entries = json.loads((tmp_path / "run/versions.json").read_text())
    assert [(entry["precision"], entry["iteration"]) for entry in entries] == [("float32", 0), ("bfloat16", 1)]


def test_data_sets_from_python(tmp_path, recipe):
    given = recipe(iterations=3, evaluate_every=1)
    config = Config(model=given.model, train=given.train)
    sets = {"train_set": ShapesDataset("train", size=4, side=33), "val_set": ShapesDataset("val", size=2, side=33)}
    whole = train(config, tmp_path / "whole", **sets)
    assert "data" not in yaml.safe_load((tmp_path / "whole/config.yaml").read_text())
    assert "data" not in read_weights(whole.best).training["config"]
    with pytest.raises(StopError):
        train(config, tmp_path / "cut", **sets, listen=stop_after(2))
    asked = r"^the recipe has no data: give train_set and val_set, to begin a run and to resume it$"
    for wrong in ({}, {"train_set": sets["train_set"]}):
        with pytest.raises(ConfigError, match=asked):
            train(config, tmp_path / "cut", resume=True, **wrong)
        with pytest.raises(ConfigError, match=asked):
            train(config, tmp_path / "new", **wrong)
    with pytest.raises(ConfigError, match=r"^the recipe has data, so leave out train_set and val_set"):
        train(given, tmp_path / "new", **sets)
    with pytest.raises(
        DataError, match=r"^the data set has 3 classes, .*: train and validate on the classes of the net"
    ):
        train(config, tmp_path / "new", **(sets | {"val_set": open_dataset(given.data, "val")}))
    train(config, tmp_path / "cut", resume=True, **sets)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert not (tmp_path / "new").exists()
