"""What a training writes, and what it does where that cannot be written or is no number."""

import errno
import json
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch

from segkit.base.errors import OutputError, SegkitError, StoppedError
from segkit.base.files import cannot_write
from segkit.data.shapes import ShapesDataset
from segkit.training import keeper
from segkit.training.events import Evaluated, Event, Note, Step
from segkit.training.state import read_state
from segkit.training.train import train


@pytest.fixture(autouse=True)
def _heard():
    """A shell has SIGINT ignored in what it runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send_at(iteration: int, number: int, *, where: type = Step):
    """A listener that sends a signal to this process once an iteration is told."""

    def listen(event: Event) -> None:
        if isinstance(event, where) and event.iteration == iteration:
            os.kill(os.getpid(), number)

    return listen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_after_the_step_and_it_goes_on_to_the_bit(tmp_path, recipe, number):
    config = recipe(iterations=4, evaluate_every=4, ema=0.5)
    train(config, tmp_path / "whole")
    with pytest.raises(StoppedError, match=rf"stopped by {number.name} after 2 of 4 .* saved in .*cut") as stopped:
        train(config, tmp_path / "cut", listen=send_at(2, number))
    assert stopped.value.signal == number
    assert read_state(tmp_path / "cut/state.safetensors").counters.iteration == 2
    train(config, tmp_path / "cut", resume=True)
    for name in ("state", "best"):
        whole, cut = (tmp_path / run / f"{name}.safetensors" for run in ("whole", "cut"))
        assert whole.read_bytes() == cut.read_bytes()


def test_a_signal_to_save_changes_nothing_else(tmp_path, recipe):
    config = recipe(iterations=3, evaluate_every=3)
    found = []

    def listen(event: Event) -> None:
        if isinstance(event, Step):
            state = read_state(tmp_path / "run/state.safetensors")
            found.append(None if state is None else state.counters.iteration)
            if event.iteration == 1:
                os.kill(os.getpid(), signal.SIGUSR1)

    train(config, tmp_path / "run", listen=listen)
    assert found == [None, 1, 1]


class Asking(ShapesDataset):
    """Shapes of which reading the third sends a signal, while there are any to send."""

    numbers: ClassVar[list[int]] = []

    def __getitem__(self, index: int):
        if index == 2 and self.numbers:
            os.kill(os.getpid(), self.numbers.pop())
        return super().__getitem__(index)


def test_an_evaluation_is_broken_off_and_comes_again(tmp_path, recipe):
    config = recipe(iterations=2, evaluate_every=2).model_copy(update={"data": None})
    sets = {"train_set": ShapesDataset("train", size=4, side=33), "val_set": Asking("val", size=5, side=33)}
    whole = train(config, tmp_path / "whole", **sets)

    def ask(event: Event) -> None:
        if isinstance(event, Step) and event.iteration == 2:
            Asking.numbers.append(signal.SIGTERM)

    with pytest.raises(StoppedError, match="after 2 of 2 iterations"):
        train(config, tmp_path / "cut", listen=ask, **sets)
    assert not (tmp_path / "cut/best.safetensors").exists()
    again = train(config, tmp_path / "cut", resume=True, **sets)
    assert again.best_miou == whole.best_miou and again.best.read_bytes() == whole.best.read_bytes()


def test_a_network_that_holds_no_numbers_replaces_nothing(tmp_path, recipe, monkeypatch):
    config = recipe(iterations=6, evaluate_every=2)

    def spoil(event: Event) -> None:
        if isinstance(event, Step) and event.iteration == 3:
            learner.model.classifier.bias.data[0] = torch.inf

    whole = keeper.Keeper.__init__

    def watch(self, config, folder, made, *rest):
        nonlocal learner
        learner = made
        whole(self, config, folder, made, *rest)

    learner = None
    monkeypatch.setattr(keeper.Keeper, "__init__", watch)
    with pytest.raises(
        SegkitError, match=r"not finite after iteration [34]: lower train\.lr \(now 0\.02\)|not finite 10"
    ):
        train(config, tmp_path / "run", listen=spoil)
    assert read_state(tmp_path / "run/state.safetensors").counters.iteration == 2
    assert torch.isfinite(read_state(tmp_path / "run/state.safetensors").tensors["model.classifier.bias"]).all()


def test_a_full_disk_is_told_and_waited_for(tmp_path, recipe, monkeypatch):
    config = recipe(iterations=4, evaluate_every=1)
    write, full = keeper.write_state, [False]

    def try_to(path: Path, *rest: object) -> None:
        if full[0]:
            raise cannot_write(path, OSError(errno.ENOSPC, "No space left on device"))
        write(path, *rest)

    monkeypatch.setattr(keeper, "write_state", try_to)
    notes = []

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)
        if isinstance(event, Evaluated):
            full[0] = event.iteration == 1  # full while the second is there

    train(config, tmp_path / "run", listen=listen)
    warned = [text for text in notes if "No space left" in text]
    assert len(warned) == 2 and all("make room" in text and "goes on" in text for text in warned)
    assert read_state(tmp_path / "run/state.safetensors").counters.iteration == 4

    def fill(event: Event) -> None:
        full[0] = full[0] or isinstance(event, Evaluated)

    with pytest.raises(OutputError, match="No space left"):
        train(config, tmp_path / "never", listen=fill)
    full[0] = False
    assert read_state(tmp_path / "never/state.safetensors").counters.iteration == 1
    train(config, tmp_path / "never", resume=True)


def test_what_could_not_be_written_is_not_told_to_be_saved(tmp_path, recipe, monkeypatch):
    def refuse(path: Path, *_: object) -> None:
        raise cannot_write(path, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(keeper, "write_state", refuse)
    config = recipe(iterations=4, evaluate_every=4, save_minutes=1e-9)
    with pytest.raises(OutputError, match="No space left"):
        train(config, tmp_path / "run", listen=send_at(2, signal.SIGTERM))


def test_room_is_asked_for_at_the_start(tmp_path, recipe, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    with pytest.raises(OutputError, match=r"run: .* are needed, but its disk has 100 kB free: make room there"):
        train(recipe(), tmp_path / "run")


def test_what_is_gone_of_a_run_is_told(tmp_path, recipe):
    config = recipe(iterations=4, evaluate_every=2)
    with pytest.raises(StoppedError):
        train(config, tmp_path / "run", listen=send_at(3, signal.SIGTERM))
    (tmp_path / "run/best.safetensors").unlink()
    notes: list[Event] = []
    result = train(config, tmp_path / "run", resume=True, listen=notes.append)
    assert any(isinstance(note, Note) and "best.safetensors is not there any more" in note.text for note in notes)
    assert result.best.is_file()
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["best"] for line in lines if "best" in line] == [True, True]
