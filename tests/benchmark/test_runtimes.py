"""Files as their runtimes run them: scores, agreement, and what is kept of both."""

import json
import re

import numpy as np
import pytest

from segkit.base.errors import ConfigError, DataError, OutputError, SegkitError
from segkit.benchmark.runtimes import Row, Scores, is_file_of_row, read_rows, runtime_table
from segkit.benchmark.turns import Speed
from segkit.data.dataset import FirstPictures
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.inference import predict_label
from segkit.weights.build import load_model


@pytest.fixture
def rows(weights) -> list[Row]:
    """Two that are scored, and one for its speed alone."""
    first, second = (str(path) for path in weights.values())
    return [*read_rows([first, second]), Row.of(f"speed:{first}")]


def scores(rows, dataset, folder, **others) -> Scores:
    return Scores(rows, dataset, folder, about={"split": "val"}, canvas=None, told=None, **others)


def test_each_scores_as_alone_and_agreement_is_counted_in_pixels(rows, shapes, tmp_path) -> None:
    found = scores(rows, shapes, tmp_path)
    models = [load_model(row.source) for row in rows[:2]]
    assert [*found.evaluations] == rows[:2]
    for model, evaluation in zip(models, found.evaluations.values(), strict=True):
        assert evaluation.confusion.counts.tolist() == evaluate(model, shapes).confusion.counts.tolist()
        assert evaluation.protocol["split"] == "val" and evaluation.protocol["weights_sha256"]
    a, b = (np.stack([predict_label(model, sample.image) for sample in shapes]) for model in models)
    assert found.agreements == {rows[1]: (int((a == b).sum()), a.size)}
    assert 0 < (a == b).mean() < 1


def test_what_was_broken_off_goes_on_and_of_others_is_refused(rows, shapes, counting, tmp_path, monkeypatch) -> None:
    whole = scores(rows, shapes, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        scores(rows, counting(shapes, stop_at=2), tmp_path)
    left = counting(shapes)
    found = scores(rows, left, tmp_path)
    assert sorted(left.read) == [2, 3] and found.agreements == whole.agreements
    assert [each.pictures for each in found.evaluations.values()] == [
        each.pictures for each in whole.evaluations.values()
    ]
    names = [row.name for row in rows[:2]]
    for others, told in ((rows[:1], f"rows={names[0]}, {names[1]}, not {names[0]}: "), (rows[1::-1], "rows=")):
        with pytest.raises(OutputError, match=rf"runtimes\.jsonl: was measured with {re.escape(told)}"):
            scores(others, shapes, tmp_path)  # of others, and in another order
    fewer = FirstPictures(shapes, 2)
    with pytest.raises(OutputError, match=rf"was measured with rows: {re.escape(names[0])}: pictures=4, not 2: remove"):
        scores(rows, fewer, tmp_path)
    monkeypatch.chdir(rows[0].file.parent)
    again = scores([Row.of(row.file.name) for row in rows[:2]], shapes, tmp_path)  # by other paths
    assert again.agreements.popitem()[1] == found.agreements.popitem()[1]


def test_the_table_has_all_of_it(rows, shapes, tmp_path) -> None:
    speeds = {
        1: [
            Speed(1, 0.5, 0.2, 10**8, (513, 513)),
            Speed(1, 0.4, 0.1, None, (513, 513)),
            Speed(1, 0.3, 0.3, 1, (512, 512)),
        ]
    }
    table = json.loads(json.dumps(runtime_table(rows, scores(rows, shapes, tmp_path), speeds)))
    first, second, third = table["runtimes"]
    assert first["name"] == f"pytorch: {rows[0].file.name}" and first["bytes"] == rows[0].file.stat().st_size
    assert first["difference"] is first["pixels"] is None
    change = second["measured"]["miou"] - first["measured"]["miou"]
    assert second["difference"]["change"] == pytest.approx(change) and second["pixels"] == 4 * 49 * 49
    assert third["measured"] is third["differ"] is None
    assert [row["speeds"][0]["ratio"] for row in table["runtimes"]] == [1.0, 0.5, pytest.approx(1.5)]
    assert runtime_table(rows, None, {})["runtimes"][0]["speeds"] == []


def test_rows_that_are_wrong(weights, shapes, rows, tmp_path) -> None:
    path = next(iter(weights.values()))
    with pytest.raises(ConfigError, match="name the files"):
        read_rows([])
    with pytest.raises(ConfigError, match="is given twice"):
        read_rows([str(path), str(path)])
    for text in ("openvino:none.onnx", "none.tflite", "speed:none.onnx", "none.safetensors"):
        with pytest.raises(SegkitError, match="none"):
            Row.of(text)
    with pytest.raises(ConfigError, match="of which none is scored: give --no-eval"):
        scores(rows[2:], shapes, tmp_path)
    shapes = type(shapes)("val", size=1, side=33)
    shapes.classes = ("another", *shapes.classes[1:])
    with pytest.raises(DataError, match=rf"^pytorch: {path.name}: class 0 of the data set is .* as speed:"):
        scores(rows, shapes, tmp_path)
    folder = tmp_path / "lr=0.1 a"
    folder.mkdir()
    (folder / "model.onnx").touch()
    for before in ("", "openvino:", "speed:", "speed:onnx:"):
        assert is_file_of_row(f"{before}{folder}/model.onnx")
    assert not is_file_of_row("data.root=model.onnx")
