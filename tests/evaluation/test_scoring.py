"""The loop over a data set: what comes in which order, what is read meanwhile, and how it ends."""

import threading
import time

import numpy as np
import pytest

from segkit.base.errors import DataError
from segkit.data.dataset import Sample
from segkit.evaluation import inference
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.inference import predict_label
from segkit.evaluation.scoring import READERS, read_ahead, score


class Slow:
    """A data set whose later pictures are read sooner; it keeps what was asked for, and has a broken picture."""

    def __init__(self, count: int, broken: int | None = None) -> None:
        self.count, self.broken = count, broken
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        self.asked.add(index)
        time.sleep(0.002 * (index % 2 == 0))
        if index == self.broken:
            raise DataError(f"picture {index} is broken")
        return Sample(np.full((2, 2, 3), index, np.uint8), np.zeros((2, 2), np.uint8), f"picture {index}")


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


@pytest.mark.parametrize(
    ("indices", "expected"),
    [(None, list(range(11))), (range(1, 11, 4), [1, 5, 9]), ([7, 0, 3, 3], [7, 0, 3, 3]), ([], [])],
)
def test_pictures_come_in_the_order_asked_for(indices, expected: list[int]) -> None:
    told = []
    found = list(read_ahead(Slow(11), indices, progress=lambda done, total: told.append((done, total))))
    assert [index for index, _ in found] == expected
    assert [sample.name for _, sample in found] == [f"picture {index}" for index in expected]
    assert all((sample.image == index).all() for index, sample in found)
    assert told == [(done, len(expected)) for done in range(1, len(expected) + 1)]
    assert not readers()


def test_a_few_pictures_are_read_meanwhile_and_no_more() -> None:
    dataset = Slow(20)
    for index, _ in read_ahead(dataset):
        wanted = set(range(min(index + 1 + READERS, 20)))
        deadline = time.monotonic() + 10
        while dataset.asked != wanted and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.005)  # for one too many
        assert dataset.asked == wanted


def test_a_broken_picture_is_told_when_it_is_its_turn() -> None:
    found = read_ahead(Slow(9, broken=4))
    for number in range(4):
        assert next(found)[0] == number
        time.sleep(0.01)  # so that the broken one was long read
    with pytest.raises(DataError, match="picture 4 is broken"):
        next(found)
    assert not readers()


def test_readers_end_with_the_caller() -> None:
    dataset = Slow(50)
    for index, _ in read_ahead(dataset):
        if index == 3:
            assert readers()
            break
    assert not readers()
    assert max(dataset.asked) <= 3 + READERS


def test_predictions_of_a_share(network, pictures) -> None:
    rng = np.random.default_rng(0)
    samples = [
        Sample(rng.integers(0, 256, (40, 40 + number, 3), dtype=np.uint8), np.zeros((40, 40 + number), np.uint8), "x")
        for number in range(5)
    ]
    how = {"scales": (0.5, 1.0), "flip": True}
    found = list(score(network(), pictures(samples), range(1, 5, 2), **how))
    assert [index for index, *_ in found] == [1, 3]
    for index, sample, prediction in found:
        assert sample is samples[index]
        np.testing.assert_array_equal(prediction, predict_label(network(), sample.image, **how))
    assert len({prediction.tobytes() for *_, prediction in found}) == 2


def test_a_huge_picture_is_evaluated_as_it_is_predicted(monkeypatch, by_colour, pictures, coloured) -> None:
    label = np.random.default_rng(0).integers(0, 4, (26, 19)).repeat(8, 0).repeat(8, 1)[:203, :150].astype(np.uint8)
    picture, model = coloured(label), by_colour()
    monkeypatch.setattr(inference, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(inference, "WINDOW", 49)
    for window, side in ((None, 49), (65, 65)):
        model.seen.clear()
        np.testing.assert_array_equal(predict_label(model, picture, window=window), label)
        assert {tuple(seen.shape[2:]) for seen in model.seen} == {(side, side)}
        passes = len(model.seen)
        result = evaluate(model, pictures([Sample(picture, label, "huge")]), window=window)
        assert len(model.seen) == 2 * passes and result.pixel_accuracy == 1
