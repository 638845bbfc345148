"""Several processes that train together: the same losses, the same models' figures, and one that ends ends all."""

import json
import multiprocessing
import shutil
import signal
import socket
from pathlib import Path

import pytest
import torch

from segkit.base.errors import ConfigError
from segkit.base.ranks import ALONE, Ranks
from segkit.data.loader import training_batches
from segkit.data.shapes import ShapesDataset
from segkit.recipe.config import TrainConfig
from segkit.training.batches import check_shares
from segkit.training.log import read_metrics
from segkit.training.train import train
from tests.training.many import BROKEN, KINDS, LAST, SETS, STOPPED, normalised, recipe, tiny, work


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


def run(size: int, folder: Path) -> None:
    """So many processes with what torchrun would tell them; forked, since importing torch takes longest."""
    told = {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(folder, {**told, "RANK": n, "LOCAL_RANK": n})) for n in range(size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
    assert [process.exitcode for process in processes] == [0] * size


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What one, two and three processes have made."""
    folder = tmp_path_factory.mktemp("ranks")
    for kind, given in KINDS.items():  # first, so that what is imported on the way is there when the others fork
        train(recipe(**given), folder / f"{kind}1", network=tiny(), **SETS)
    run(2, folder)
    for name in ("resumed1", "resumed3"):
        shutil.copytree(folder / "stopped", folder / name)
    train(recipe(**KINDS["parts"]), folder / "resumed1", resume=True, network=tiny(), **SETS)
    run(3, folder)
    return folder


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_metrics(folder / "metrics.jsonl") if "loss" in line]


def scores(folder: Path) -> list[list[float]]:
    return [
        [line["val_miou"], *line["val_iou"]] for line in read_metrics(folder / "metrics.jsonl") if "val_miou" in line
    ]


def found(folder: Path, size: int) -> list[dict]:
    return [json.loads((folder / f"found.{size}.{rank}.json").read_text()) for rank in range(size)]


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_as_there_are_they_do_the_same(folder, kind):
    one = losses(folder / f"{kind}1")
    assert len(one) == 20 and one[-1] != pytest.approx(one[0], rel=0.05)
    for size in (2, 3):
        assert losses(folder / f"{kind}{size}") == pytest.approx(one, rel=1e-5)
        assert scores(folder / f"{kind}{size}") == scores(folder / f"{kind}1")


def test_a_run_of_two_goes_on_with_one_and_with_three(folder):
    told = [each["stopped"] for each in found(folder, 2)]
    assert told[0] == told[1] and told[0][0] == signal.SIGTERM
    assert f"{STOPPED} of 20 iterations" in told[0][1]
    assert losses(folder / "stopped") == losses(folder / "parts2")[:STOPPED]
    for name in ("resumed1", "resumed3"):
        assert losses(folder / name) == pytest.approx(losses(folder / "parts1"), rel=1e-5)
        assert scores(folder / name) == scores(folder / "parts1")
        versions = json.loads((folder / name / "versions.json").read_text())
        assert [entry["processes"] for entry in versions] == [2, int(name[-1])]


@pytest.mark.parametrize("size", [2, 3])
def test_batch_norm_takes_the_pictures_of_all(folder, size):
    parts = [[torch.tensor(values) for values in each["normalised"]] for each in found(folder, size)]
    whole = normalised(ALONE)
    for place in (0, 1):  # what is made of the pictures, and their gradients
        together = torch.empty_like(whole[place])
        for rank, part in enumerate(parts):
            together[rank::size] = part[place]
        torch.testing.assert_close(together, whole[place])
    for part in parts:
        for place in (2, 3, 4):  # the gradients of its weights, and the statistics
            torch.testing.assert_close(part[place], whole[place])


@pytest.mark.parametrize("size", [2, 3])
def test_one_without_a_picture_has_the_evaluation_of_all(folder, size):
    expected = ShapesDataset("val", size=size - 1, side=33).ids
    assert [each["few"] for each in found(folder, size)] == [expected] * size


@pytest.mark.parametrize("size", [2, 3])
def test_a_step_that_one_cannot_take_none_takes(folder, size):
    first, *others = found(folder, size)
    assert first["heard"] == [int(iteration >= BROKEN) for iteration in range(1, LAST + 1)]
    assert first["skipped"] == 1 and all(each["skipped"] == 1 and each["heard"] == [] for each in others)


@pytest.mark.parametrize("size", [2, 3])
def test_an_error_of_one_is_raised_in_all(folder, size):
    assert [each["raised"] for each in found(folder, size)] == ["this one alone"] * size


def test_each_reads_its_share_of_a_batch():
    def batches(ranks: Ranks = ALONE) -> list[tuple[torch.Tensor, torch.Tensor]]:
        given = {"batch_size": 6, "seed": 3, "first_iteration": 1, "iterations": 2, "workers": 0}
        data = Counting("train", size=9, side=33)
        made = list(training_batches(data, lambda image, label, key: (image, label), **given, ranks=ranks))
        assert data.read == 12 // ranks.size
        return made

    for images, labels in zip(
        *(batches(), zip(*(batches(Ranks(rank, 3)) for rank in range(3)), strict=True)), strict=True
    ):
        for rank, (own, _) in enumerate(labels):
            assert torch.equal(own, images[0][rank::3])


class Counting(ShapesDataset):
    """How many pictures were drawn."""

    read = 0

    def __getitem__(self, index: int):
        self.read += 1
        return super().__getitem__(index)


def test_a_batch_that_cannot_be_shared_is_refused():
    check_shares(TrainConfig(batch_size=6), Ranks(1, 3))
    with pytest.raises(ConfigError, match="start 1 or 2 or 3 or 6, or set it to 8"):
        check_shares(TrainConfig(batch_size=6), Ranks(1, 4))
