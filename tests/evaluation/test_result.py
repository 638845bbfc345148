"""An evaluation as counts, as figures and as a file."""

import copy
import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segkit.base.errors import DataError
from segkit.evaluation.counts import PictureCounts, class_counts
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.result import Evaluation, read_evaluation

CLASSES = ("sky", "road", "tree")


def picture(name: str, confusion: list[list[int]]) -> PictureCounts:
    counts = np.array(confusion).ravel()
    cells = np.flatnonzero(counts)
    return PictureCounts(name, cells, counts[cells])


@pytest.fixture
def evaluation() -> Evaluation:
    pictures = (
        picture("a", [[5, 1, 0], [0, 7, 0], [0, 0, 0]]),
        picture("b", [[2, 0, 0], [3, 4, 0], [0, 0, 0]]),
        picture("void", [[0, 0, 0], [0, 0, 0], [0, 0, 0]]),
    )
    return Evaluation(CLASSES, pictures, {"split": "val"}, 1.5)


def test_figures_are_those_of_all_pictures_together(evaluation: Evaluation) -> None:
    assert evaluation.confusion.counts.tolist() == [[7, 1, 0], [3, 11, 0], [0, 0, 0]]
    assert list(evaluation.iou.values())[:2] == [7 / 11, 11 / 15]
    assert evaluation.miou == pytest.approx((7 / 11 + 11 / 15) / 2)
    assert evaluation.miou_interval.low < evaluation.miou < evaluation.miou_interval.high
    assert evaluation.iou_intervals["tree"].to_json() is None


def test_classes_of_few_pictures_are_named_with_their_number(evaluation: Evaluation) -> None:
    assert list(evaluation.rare_classes.values()) == [2, 2]  # and not the tree, which no label has
    many = tuple(replace(evaluation.pictures[index % 2], name=str(index)) for index in range(10))
    assert replace(evaluation, pictures=many).rare_classes == {}
    assert evaluation.figures()["rare_classes"] == evaluation.rare_classes


def test_counts_of_each_class(evaluation: Evaluation) -> None:
    counts = class_counts(evaluation.pictures, 3)
    assert counts[0].tolist() == [[5, 7, 0], [6, 7, 0], [5, 8, 0]]
    assert counts[1].tolist() == [[2, 4, 0], [2, 7, 0], [5, 4, 0]]
    assert not counts[2].any()


def test_a_file_gives_the_evaluation_back(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(evaluation.to_json(), allow_nan=False), encoding="utf-8")
    found = read_evaluation(path)
    assert found.to_json() == evaluation.to_json()
    assert found.miou == evaluation.miou
    assert found.miou_interval == evaluation.miou_interval


def test_an_evaluation_that_was_run_comes_back(by_colour, pictures, coloured, tmp_path: Path) -> None:
    from segkit.data.dataset import Sample

    label = np.random.default_rng(0).integers(0, 4, (40, 50)).astype(np.uint8)
    result = evaluate(by_colour(), pictures([Sample(coloured(label), label, "one")]))
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result.to_json()), encoding="utf-8")
    assert read_evaluation(path).to_json() == result.to_json()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"classes": []}, "classes"),
        ({"classes": ["a", "a", "b"]}, "a class is named twice"),
        ({"pictures": [{"name": "x", "cells": [0], "counts": [1, 2]}]}, "the counts of 'x' do not fit"),
        ({"pictures": [{"name": "x", "cells": [0, 0], "counts": [1, 2]}]}, "the counts of 'x' do not fit"),
        ({"pictures": [{"name": "x", "cells": [9], "counts": [1]}]}, "counts of a class that there is not"),
        ({"pictures": [{"name": "x", "cells": [0], "counts": [-1]}]}, "greater than 0"),
        ({"pictures": [{"name": "x", "cells": [0], "counts": [2**70]}]}, "'x' has more pixels than any picture"),
        ({"pictures": [{"name": "x", "cells": [0, 1], "counts": [2**63 - 1, 2**62]}]}, "more pixels than any picture"),
        ({"seconds": 1e999}, "seconds"),
        ({"seconds": -1}, "seconds"),
        ({"pictures": 3}, "pictures"),
        ({"protocol": None}, "protocol"),
    ],
)
def test_a_file_that_is_no_evaluation(evaluation: Evaluation, tmp_path: Path, change: dict, problem: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(evaluation.to_json() | change), encoding="utf-8")
    with pytest.raises(DataError, match=f"result.json holds no evaluation .*{problem}.*segkit evaluate --json"):
        read_evaluation(path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "3", "\ud800".encode("utf-8", "surrogatepass")])
def test_a_file_that_is_no_json(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DataError, match="holds no evaluation"):
        read_evaluation(path)


def test_what_is_compressed_is_not_unpacked_beyond_all_measure(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("segkit.base.files._MOST_PLAIN", 1000)
    path = tmp_path / "result.json.gz"
    path.write_bytes(gzip.compress(b" " * 1001))
    with pytest.raises(DataError, match=r"result\.json\.gz holds no evaluation \(it unpacks to more than 1\.0 kB\)"):
        read_evaluation(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.json cannot be read"):
        read_evaluation(tmp_path / "nowhere.json")


def test_evaluations_of_one_value_are_equal(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(replace(evaluation, seconds=2.0).to_json()), encoding="utf-8")
    read = read_evaluation(path)
    assert read == replace(evaluation, seconds=2.0) == copy.deepcopy(read) and read != evaluation
    assert read != replace(read, pictures=read.pictures[:-1]) and read != "an evaluation"
    with pytest.raises(TypeError, match="unhashable"):
        hash(read)


def test_counts_of_one_value_are_equal_and_found_in_a_set() -> None:
    def counts(name: str = "x", pixels: tuple[int, int] = (5, 6)) -> PictureCounts:
        return PictureCounts(name, np.array([0, 3]), np.array(pixels))

    assert counts() == counts() and hash(counts()) == hash(counts()) and len({counts(), counts()}) == 1
    assert counts() != counts("y") and counts() != counts(pixels=(5, 7)) and counts() != "x"


def test_a_protocol_is_not_changed_from_outside() -> None:
    given = {"scales": [1.0], "flip": False}
    made = Evaluation(("a",), (), given, 0.0)
    given["scales"].append(2.0)
    given["flip"] = True
    with pytest.raises(TypeError):
        made.protocol["flip"] = True  # type: ignore[index]
    assert made.protocol == {"scales": [1.0], "flip": False}


@pytest.mark.parametrize(
    ("counts", "remark"),
    [
        ([[5, 1, 0], [1, 5, 0], [0, 0, 0]], None),
        ([[5, 1, 0], [0, 0, 1], [0, 0, 1]], None),
        ([[5, 1, 0], [1, 5, 0], [1, 0, 0]], "never predicted, though in the labels: c"),
        ([[5, 0, 0], [1, 0, 0], [1, 0, 0]], "one class alone is predicted, whatever the picture; never b, c"),
        ([[5, 0, 0], [0, 0, 0], [0, 0, 0]], None),
    ],
)
def test_classes_that_are_never_predicted(counts: list[list[int]], remark: str | None) -> None:
    flat = np.array(counts).reshape(-1)
    cells = np.flatnonzero(flat)
    made = Evaluation(tuple("abc"), (PictureCounts("x", cells, flat[cells]),), {}, 0.0)
    assert made.remark == remark == made.to_json()["remark"]
