"""Curves, written by a stand-in for the package, and the sentence where it is not installed."""

import sys
from types import SimpleNamespace

import pytest

from segkit.base.errors import ConfigError
from segkit.training.events import Evaluated, Note, Step
from segkit.training.tensorboard import TensorBoard
from segkit.training.train import train


class Writer:
    """Remembers what torch's SummaryWriter would write."""

    made: list["Writer"]

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step = folder, purge_step
        self.scalars: list[tuple[str, float, int]] = []
        self.closed = False
        self.made.append(self)

    def add_scalar(self, name: str, value: float, iteration: int) -> None:
        self.scalars.append((name, value, iteration))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def made(monkeypatch) -> list[Writer]:
    """The writers that were made."""
    Writer.made = []
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    return Writer.made


def test_loss_learning_rate_and_miou_are_written(made, tmp_path):
    board = TensorBoard(tmp_path / "curves")
    board(Note("nothing to draw"))
    board.close()
    assert not made
    board(Step(7, 9, loss=0.5, lr=0.1, pictures_per_second=1, seconds_left=1, waiting=0, skipped=0))
    board(Evaluated(8, SimpleNamespace(miou=0.25), best=True))
    board.close()
    (writer,) = made
    assert writer.scalars == [("train/loss", 0.5, 7), ("train/lr", 0.1, 7), ("val/miou", 0.25, 8)]
    assert writer.folder == str(tmp_path / "curves") and writer.purge_step == 7 and writer.closed


def test_a_training_draws_its_curves(made, tmp_path, recipe):
    result = train(recipe(iterations=1, tensorboard=True), tmp_path / "run")
    (writer,) = made
    assert [name for name, _, _ in writer.scalars] == ["train/loss", "train/lr", "val/miou"]
    assert writer.scalars[-1][1:] == (result.best_miou, 1)
    assert writer.folder == str(tmp_path / "run/tensorboard") and writer.closed


def test_without_the_package_nothing_is_begun(monkeypatch, tmp_path, recipe):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install 'segkit-deeplabv3\[tensorboard\]', or in a check") as caught:
        train(recipe(tensorboard=True), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_the_real_package_writes_a_file(tmp_path):
    pytest.importorskip("tensorboard")
    board = TensorBoard(tmp_path)
    board(Step(1, 2, loss=0.5, lr=0.1, pictures_per_second=1, seconds_left=1, waiting=0, skipped=0))
    board.close()
    assert [path.stat().st_size > 0 for path in tmp_path.iterdir()] == [True]
