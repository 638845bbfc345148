"""Batches: the same bytes for any number of workers and after a resume."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from segkit.base.errors import ConfigError, DataError, SegkitError
from segkit.base.labels import voc_palette
from segkit.data import loader
from segkit.data.dataset import Sample
from segkit.data.loader import BadPicture, training_batches
from segkit.data.transforms import TrainingTransform

ROOT = Path(__file__).parents[2]


class Numbers:
    """Ten pictures, each filled with its own number; picture `broken` cannot be read, `uneven` has a wrong label."""

    classes = tuple("abcdefghij")
    palette = voc_palette(10)

    def __init__(self, length: int = 10, *, broken: int = -1, uneven: int = -1) -> None:
        self.ids = [f"picture {index}" for index in range(length)]
        self.broken = broken
        self.uneven = uneven

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        if index == self.broken:
            raise DataError("picture.jpg is cut short: copy it again")
        noise = np.random.default_rng(index).integers(0, 256, (24, 20, 3), dtype=np.uint8)
        label = np.full((24, 21 if index == self.uneven else 20), index, np.uint8)
        return Sample(noise, label, self.ids[index])


def batches(
    dataset: Numbers | None = None, *, first: int = 0, count: int = 6, workers: int = 0, seed: int = 7, size: int = 4
) -> list[tuple[Tensor, Tensor]]:
    return list(
        training_batches(
            Numbers() if dataset is None else dataset,
            TrainingTransform(crop=17, mean=(1, 2, 3), jitter=0.3),
            batch_size=size,
            seed=seed,
            first_iteration=first,
            iterations=count,
            workers=workers,
        )
    )


def digests(some: list[tuple[Tensor, Tensor]]) -> list[str]:
    return [hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest() for images, labels in some]


def keep(image: np.ndarray, label: np.ndarray, key: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    return image, label


def numbers(size: int, count: int, seed: int = 0) -> list[int]:
    """Which pictures the batches hold, in order."""
    some = training_batches(Numbers(), keep, batch_size=size, seed=seed, first_iteration=0, iterations=count, workers=0)
    return [int(label) for _, labels in some for label in labels[:, 0, 0]]


def test_shapes_and_types() -> None:
    images, labels = batches(count=1)[0]
    assert (
        images.shape == (4, 3, 17, 17)
        and images.dtype == torch.uint8
        and images.is_contiguous(memory_format=torch.channels_last)
    )
    assert labels.shape == (4, 17, 17) and labels.dtype == torch.uint8


def test_workers_and_resume_change_no_byte() -> None:
    expected = digests(batches())
    assert len(set(expected)) == 6
    assert digests(batches(workers=1)) == expected
    assert digests(batches(workers=2)) == expected
    assert digests(batches(first=3, count=3)) == expected[3:]
    assert digests(batches(first=4, count=2, workers=2)) == expected[4:]
    assert batches(count=0) == []


def test_each_epoch_is_a_new_order_of_every_picture() -> None:
    seen = numbers(4, 5)
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
    assert numbers(4, 5, seed=1) != seen


def test_a_batch_larger_than_the_data_set_wraps_around() -> None:
    assert numbers(25, 2) == numbers(5, 10)
    labels = batches(Numbers(3), size=8, count=1)[0][1]
    assert len(labels) == 8
    # The same picture twice in one batch is drawn anew each time.
    images, labels = batches(Numbers(1))[0]
    assert len(set(digests([*zip(images, labels, strict=True)]))) == 4


def test_a_picture_is_drawn_anew_in_every_iteration() -> None:
    """Not only in every slot: else a network would see each picture in as many ways as a batch has slots."""
    keys: list[tuple[int, int, int]] = []

    def note(image: np.ndarray, label: np.ndarray, key: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
        keys.append(key)
        return image, label

    list(training_batches(Numbers(3), note, batch_size=2, seed=7, first_iteration=4, iterations=3, workers=0))
    assert keys == [(7, iteration, slot) for iteration in (4, 5, 6) for slot in (0, 1)]
    samples = [sample for images, labels in batches(Numbers(1)) for sample in zip(images, labels, strict=True)]
    assert len(set(digests(samples))) == len(samples) == 24


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_arrives_as_it_was_raised(workers: int) -> None:
    with pytest.raises(DataError, match=r"^picture.jpg is cut short: copy it again$"):
        batches(Numbers(broken=3), workers=workers)


def test_a_label_of_another_size_is_named() -> None:
    with pytest.raises(DataError, match=r"label of picture 5 is 21x24 and its picture 20x24"):
        batches(Numbers(uneven=5))


def read_without(broken: int, *, workers: int, first: int = 0) -> tuple[list[str], list[BadPicture]]:
    """What the batches from `first` to the sixth are, and what was left out of them."""
    bad: list[BadPicture] = []
    some = training_batches(
        Numbers(broken=broken),
        TrainingTransform(crop=17, mean=(1, 2, 3), jitter=0.3),
        batch_size=4,
        seed=7,
        first_iteration=first,
        iterations=6 - first,
        workers=workers,
        leave_out=bad.append,
    )
    return digests(list(some)), bad


def test_the_next_picture_takes_the_place_of_a_bad_one() -> None:
    expected, bad = read_without(3, workers=0)
    assert bad == [BadPicture("picture 3", "picture.jpg is cut short: copy it again")] * 3  # in each epoch
    assert read_without(3, workers=2) == (expected, bad)
    assert read_without(3, workers=1, first=2)[0] == expected[2:]
    whole = digests(batches())
    assert sum(ours != theirs for ours, theirs in zip(expected, whole, strict=True)) == len(bad)
    assert read_without(-1, workers=0) == (whole, [])


@pytest.mark.parametrize("workers", [0, 1])
def test_none_that_can_be_read_is_an_error(workers: int) -> None:
    class Broken(Numbers):
        def __getitem__(self, index: int) -> Sample:
            raise DataError(f"{index}.jpg is cut short: copy it again")

    some = training_batches(
        Broken(3),
        keep,
        batch_size=2,
        seed=0,
        first_iteration=0,
        iterations=1,
        workers=workers,
        leave_out=lambda picture: None,
    )
    with pytest.raises(DataError, match=r"^none of the 3 pictures to train on can be read: \d\.jpg is cut short"):
        next(some)


def test_an_empty_data_set_is_refused() -> None:
    with pytest.raises(DataError, match="no pictures"):
        batches(Numbers(0))


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    batches(count=1, workers=1)
    assert torch.equal(before, torch.get_rng_state())


class Failing(Numbers):
    """Numbers of which a process that reads them never gets the sixth: it ends, hangs or raises."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def __getitem__(self, index: int) -> Sample:
        if index == 5 and self.how == "raises":
            raise RuntimeError("a fault in its code")
        if index == 5 and torch.utils.data.get_worker_info() is not None:
            if self.how == "ends":
                os._exit(1)
            time.sleep(6)
        return super().__getitem__(index)


@pytest.mark.parametrize(("how", "said"), [("ends", r"ended \(killed"), ("hangs", "gave nothing for 1 seconds")])
def test_workers_that_end_or_hang_are_noticed(monkeypatch: pytest.MonkeyPatch, how: str, said: str) -> None:
    if how == "hangs":  # one that ends is noticed by itself, however long a busy machine takes
        monkeypatch.setattr(loader, "PATIENCE", 1)
    begun = time.monotonic()
    with pytest.raises(SegkitError, match=rf"a process that reads pictures {said}.*: set train\.workers=0"):
        batches(Failing(how), workers=1)
    assert time.monotonic() - begun < 50


def test_workers_leave_it_to_the_training_what_a_signal_means() -> None:
    """Each is sent to all processes of a terminal or a job; a second SIGTERM ends a worker that hangs."""

    class Handlers(Numbers):
        def __getitem__(self, index: int) -> Sample:
            if index == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            ignored = all(signal.getsignal(number) is signal.SIG_IGN for number in (signal.SIGINT, signal.SIGHUP))
            ends = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            return Sample(np.zeros((4, 4, 3), np.uint8), np.full((4, 4), ignored + 2 * ends, np.uint8), "")

    some = training_batches(Handlers(), keep, batch_size=5, seed=0, first_iteration=0, iterations=2, workers=1)
    seen = [int(label[0, 0]) for _, labels in some for label in labels]
    assert set(seen) <= {1, 3} and seen[-1] == 3


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), EOFError(), FileNotFoundError(2, "socket")])
def test_a_worker_that_ends_while_it_hands_a_batch_over_is_noticed(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def handed_over(_: object) -> None:
        raise error

    monkeypatch.setattr(_MultiProcessingDataLoaderIter, "_next_data", handed_over)
    with pytest.raises(SegkitError, match=r"a process that reads pictures ended \(killed.*: set train\.workers=0"):
        batches(workers=1)


def test_an_error_that_nobody_catches_ends_the_process(tmp_path: Path) -> None:
    """It still holds the workers, which take the one SIGTERM that Python sends at the end for the job's."""
    script = tmp_path / "script.py"
    script.write_text(
        "from tests.data.test_loader import Numbers, keep\nfrom segkit.data.loader import training_batches\n"
        "some = training_batches(Numbers(), keep, batch_size=2, seed=0, first_iteration=0, iterations=9, workers=1)\n"
        "next(some)\nraise KeyError('a fault of the caller')\n"
    )
    ended = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ended.returncode == 1 and "KeyError: 'a fault of the caller'" in ended.stderr


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_data_set_s_own_code_is_not_taken_for_a_dead_worker(workers: int) -> None:
    with pytest.raises(RuntimeError, match="a fault in its code"):
        batches(Failing("raises"), workers=workers)


def test_too_little_shared_memory_is_told_before_anything_is_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = (2 * 2 + 1) * 4 * 17 * 17 * 4  # batches, pictures, pixels, bytes: RGB and a label
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed // 2))
    with pytest.raises(ConfigError, match=r"12 kB free, but train\.workers=2 with batches of 4\.6 kB need 23 kB"):
        batches(workers=2)
    assert len(batches(workers=0)) == 6
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed))
    assert len(batches(workers=2)) == 6
