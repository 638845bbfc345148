"""Two evaluations of the same pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from segkit.base.errors import DataError
from segkit.evaluation.compare import compare
from segkit.evaluation.counts import PictureCounts, class_counts, picture_miou
from segkit.evaluation.result import Evaluation

CLASSES = ("sky", "road")


def evaluation(rights: list[int], names: list[str] | None = None, classes: tuple[str, ...] = CLASSES) -> Evaluation:
    """Pictures of 100 pixels of sky, of which so many are right and the others called road."""
    pictures = []
    for number, right in enumerate(rights):
        counts = np.array([right, 100 - right])
        cells = np.flatnonzero(counts)
        pictures.append(PictureCounts(names[number] if names else str(number), cells, counts[cells]))
    return Evaluation(classes, tuple(pictures), {}, 0.0)


def test_a_difference_by_hand() -> None:
    found = compare(evaluation([50, 90]), evaluation([60, 100]))
    assert found.miou.a == pytest.approx(0.35)
    assert found.miou.b == pytest.approx(0.40)
    assert found.miou.change == pytest.approx(0.05)
    assert found.iou["sky"].change == pytest.approx(0.1)
    assert found.iou["road"].change == 0
    assert not found.iou["road"].shown


def test_what_is_hard_for_both_cancels_out() -> None:
    """One point better on every picture is shown, though the pictures differ by far more than that."""
    rights = np.random.default_rng(0).integers(10, 95, 200).tolist()
    better = evaluation([right + 1 for right in rights])
    found = compare(evaluation(rights), better)
    assert found.miou.shown
    assert found.miou.interval.low == pytest.approx(0.005)
    assert found.miou.interval.high == pytest.approx(0.005)
    assert evaluation(rights).miou_interval.high > better.miou  # alone, the interval tells nothing


def test_intervals_have_the_sign_of_the_change() -> None:
    """That of the mIoU and those of the classes lie around b - a, and a - b has their mirror images."""
    rng = np.random.default_rng(0)
    rights = rng.integers(20, 80, 200)
    worse, better = rights.tolist(), (rights + rng.integers(0, 20, 200)).tolist()
    there, back = compare(evaluation(worse), evaluation(better)), compare(evaluation(better), evaluation(worse))
    for found, mirrored in [(there.miou, back.miou), (there.iou["sky"], back.iou["sky"])]:
        low, high = found.interval
        assert 0 < low < found.change < high
        assert found.shown
        assert mirrored.change == pytest.approx(-found.change)
        assert tuple(mirrored.interval) == pytest.approx((-high, -low))


def test_noise_is_not_shown() -> None:
    rng = np.random.default_rng(0)
    rights = rng.integers(20, 80, 200)
    noise = rng.permutation(np.repeat([-10, 10], 100))  # that makes no difference in all
    found = compare(evaluation(rights.tolist()), evaluation((rights + noise).tolist()))
    assert found.miou.change == 0
    assert not found.miou.shown
    assert found.miou.interval.low < 0 < found.miou.interval.high


def test_one_with_itself() -> None:
    found = compare(evaluation([50, 90, 20]), evaluation([50, 90, 20]))
    assert tuple(found.miou.interval) == (0, 0)
    assert not found.miou.shown


def test_pictures_are_paired_by_name() -> None:
    found = compare(evaluation([50, 90], ["x", "y"]), evaluation([91, 50], ["y", "x"]))
    assert [(picture.name, picture.a, picture.b) for picture in found.pictures] == [
        ("y", pytest.approx(0.45), pytest.approx(0.455)),
        ("x", 0.25, 0.25),
    ]


def test_the_pictures_that_changed_most_come_first() -> None:
    found = compare(evaluation([50, 60, 70]), evaluation([49, 90, 60]))
    assert [picture.name for picture in found.pictures] == ["1", "2", "0"]


def test_a_class_that_one_never_saw() -> None:
    found = compare(evaluation([100, 100]), evaluation([100, 90]))
    road = found.iou["road"]
    assert np.isnan(road.a) and road.b == 0 and np.isnan(road.change)
    read = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert read["iou"]["road"] == {
        "a": None,
        "b": 0,
        "change": None,
        "interval": None,
        "shown": False,
    }


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (evaluation([50, 90], classes=("sky", "tree")), "other classes"),
        (evaluation([50, 90], ["0", "2"]), "other pictures than each other .2 are in one only, such as '1'"),
        (evaluation([50, 90, 20]), "1 are in one only"),
        (evaluation([50, 90], ["0", "0"]), "two pictures of one name"),
    ],
)
def test_what_cannot_be_paired(other: Evaluation, message: str) -> None:
    with pytest.raises(DataError, match=message):
        compare(evaluation([50, 90]), other)


def test_mious_of_single_pictures() -> None:
    counts = class_counts([*evaluation([50]).pictures, PictureCounts("void", np.array([], int), np.array([], int))], 2)
    np.testing.assert_array_equal(picture_miou(counts), [0.25, np.nan])


@pytest.mark.slow
def test_the_reference_difference(shared: Path) -> None:
    """OS 8 against OS 16 of the dequantised model: +0.41 [0.02, 0.75] was measured by independent code."""
    from segkit.data.voc import VocDataset
    from segkit.evaluation.evaluate import evaluate
    from segkit.weights.build import load_model

    weights = shared / "weights" / "deeplabv3_mnv2_coco_voc_trainaug_8bit_tf.safetensors"
    dataset = VocDataset(shared / "data" / "voc2012", "val")
    results = [evaluate(load_model(weights, output_stride=stride, canvas=513), dataset) for stride in (16, 8)]
    miou = compare(*results).miou
    assert miou.change == pytest.approx(0.0041, abs=5e-4)
    assert miou.interval.low == pytest.approx(0.0002, abs=5e-4)
    assert miou.interval.high == pytest.approx(0.0075, abs=5e-4)
