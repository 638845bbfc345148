"""Many evaluations in one pass over the pictures, broken off and gone on with."""

import json
from pathlib import Path

import numpy as np
import pytest

from segkit.base.errors import OutputError
from segkit.benchmark.cells import Cell, measure_cells
from segkit.benchmark.networks import load_networks
from segkit.benchmark.published import Setting
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.result import read_evaluation

SETTINGS = (Setting(16, mf=False), Setting(8, mf=False), Setting(16, mf=True))


@pytest.fixture(scope="module")
def models(weights, shapes):
    return load_networks(weights, (16, 8), shapes, canvas=None, device="cpu")


@pytest.fixture(scope="module")
def cells(weights):
    return [Cell(network, setting) for network in weights for setting in SETTINGS]


def measure(cells, models, weights, dataset, folder, **about):
    return measure_cells(cells, models, weights, dataset, folder, about={"split": "val", **about})


def test_every_cell_is_what_evaluate_finds_and_pictures_are_read_once(
    cells, models, weights, shapes, counting, tmp_path
) -> None:
    dataset = counting(shapes)
    found = measure(cells, models, weights, dataset, tmp_path)
    assert sorted(dataset.read) == [0, 1, 2, 3]
    assert list(found) == cells
    for cell, evaluation in found.items():
        model = models[cell.network, cell.setting.output_stride]
        alone = evaluate(model, shapes, scales=cell.setting.scales, flip=cell.setting.mf)
        np.testing.assert_array_equal(evaluation.confusion.counts, alone.confusion.counts)
        assert alone.protocol.items() <= evaluation.protocol.items()
        assert evaluation.protocol["split"] == "val"
        assert read_evaluation(tmp_path / f"{cell.name}.json").to_json() == evaluation.to_json()
    assert not list(tmp_path.glob("*.jsonl"))


def test_what_was_broken_off_goes_on(cells, models, weights, shapes, counting, tmp_path: Path) -> None:
    whole = measure(cells, models, weights, shapes, tmp_path / "whole")
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        measure(cells, models, weights, counting(shapes, stop_at=2), broken)
    cut = broken / f"{cells[0].name}.jsonl"
    cut.write_bytes(cut.read_bytes()[:-7])  # as when the machine stopped in the middle of a line
    dataset = counting(shapes)
    found = measure(cells, models, weights, dataset, broken)
    assert sorted(dataset.read) == [1, 2, 3]
    for cell in cells:
        assert [p.to_json() for p in found[cell].pictures] == [p.to_json() for p in whole[cell].pictures]
    dataset = counting(shapes)
    assert measure(cells, models, weights, dataset, broken)[cells[0]].miou == whole[cells[0]].miou
    assert dataset.read == []


def test_a_file_that_was_cut_in_its_first_line_begins_anew(cells, models, weights, shapes, counting, tmp_path) -> None:
    (tmp_path / f"{cells[0].name}.jsonl").write_text('{"pictures": 4, "outp')
    dataset = counting(shapes)
    measure(cells[:1], models, weights, dataset, tmp_path)
    assert sorted(dataset.read) == [0, 1, 2, 3]


def test_a_cell_more_measures_only_that(cells, models, weights, shapes, counting, tmp_path: Path) -> None:
    measure(cells[:1], models, weights, shapes, tmp_path)
    before = (tmp_path / f"{cells[0].name}.json").read_bytes()
    dataset = counting(shapes)
    measure(cells[:2], models, weights, dataset, tmp_path)
    assert sorted(dataset.read) == [0, 1, 2, 3]
    assert (tmp_path / f"{cells[0].name}.json").read_bytes() == before


def test_counts_of_something_else_are_not_taken(cells, models, weights, shapes, counting, tmp_path: Path) -> None:
    measure(cells[:1], models, weights, shapes, tmp_path)
    with pytest.raises(OutputError, match="was measured with split=val, not test: remove its"):
        measure(cells[:1], models, weights, shapes, tmp_path, split="test")
    with pytest.raises(KeyboardInterrupt):
        measure(cells[1:2], models, weights, counting(shapes, stop_at=1), tmp_path)
    lines = tmp_path / f"{cells[1].name}.jsonl"
    header, *rest = lines.read_text().splitlines()
    other = json.loads(header) | {"weights_sha256": "0"}
    lines.write_text("\n".join([json.dumps(other), *rest]))
    with pytest.raises(OutputError, match="was measured with weights_sha256=0, not "):
        measure(cells[1:2], models, weights, shapes, tmp_path)
