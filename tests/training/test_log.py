"""Lines of measurements: plain JSON, dropped where they come again."""

import json

import pytest

from segkit.base.errors import OutputError
from segkit.training.log import append_metrics, forget_after, read_metrics


def test_metrics_are_plain_json_and_forget_what_comes_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for iteration in range(1, 6):
        loss = float("nan") if iteration == 2 else 0.5
        append_metrics(path, iteration=iteration, loss=loss, val_iou=[0.5, float("nan")])
    with path.open("a") as file:
        file.write('{"iteration": 3, "lo')
    assert [line["iteration"] for line in read_metrics(path)] == [1, 2, 3, 4, 5]
    forget_after(path, 3)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    lines = [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3]
    assert lines[1] == {"iteration": 2, "loss": None, "val_iou": [0.5, None]}
    path.unlink()
    forget_after(path, 3)
    assert path.read_text() == ""


def test_metrics_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match=r"metrics.jsonl: cannot be written"):
        append_metrics(tmp_path / "absent/metrics.jsonl", iteration=1)


@pytest.mark.parametrize(
    "line",
    [
        b"\xcd",
        b"[1]",
        b'{"loss": 1.0}',
        b'{"iteration": 1, "loss": "1"}',
        b'{"iteration": 1, "loss": 1' + b"0" * 400 + b"}",
        b'{"iteration": 1, "lr": Infinity}',
        b'{"iteration": 1, "val_iou": [[0.5]]}',
        b'{"iteration": 1, "best": [1]}',
        b'{"iteration": -1}',
        b"[" * 100_000,
    ],
)
def test_damaged_lines_are_left_out_and_counted(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    append_metrics(path, iteration=1, loss=0.5)
    with path.open("ab") as file:
        file.write(line)  # without its end
    append_metrics(path, iteration=2, loss=0.5)
    assert [found["iteration"] for found in read_metrics(path)] == [1, 2]
    assert forget_after(path, 1) == 1
    assert forget_after(path, 1) == 0
    assert [found["iteration"] for found in read_metrics(path)] == [1]
