"""What runtimes make of networks, as text and as a page."""

from pathlib import Path

import pytest

from segkit.report.runtimes import runtime_markdown, write_runtime_page
from tests.report.pages import HOSTILE, words

PROTOCOL = {"pictures": 10, "data": "voc", "split": "val", "trained_on": ["COCO"]}


@pytest.fixture
def table() -> dict:
    """Two rows that were scored and one that was not."""

    def row(name, miou, seconds, **others):
        measured = None if miou is None else {"miou": miou, "miou_interval": [0.7, 0.8], "protocol": PROTOCOL}
        speeds = [
            {"threads": threads, "load": 0.5, "seconds": seconds / threads, "memory": memory, "ratio": seconds / 0.2}
            | {"size": [512, 512] if name == "onnx: foreign.onnx" else [513, 513]}
            for threads, memory in ((1, 109_000_000), (2, None))
        ]
        empty = {"runtime": "onnx", "file": name, "bytes": 8_600_000, "difference": None, "pixels": None}
        return {**empty, "name": name, "measured": measured, "differ": None, "speeds": speeds, **others}

    apart = {"a": 0.75, "b": 0.7501, "change": 0.0001, "interval": [-0.0002, 0.0004], "shown": False}
    machine = {"threads": 2, "cores": 2, "instructions": "AVX2", "processor": "a", "torch": "2", "segkit": "0"}
    machine |= {"command": "segkit benchmark --runtime a b", "commit": "1a2b3c4"}
    return {
        "runtimes": [
            row("pytorch: best.safetensors", 0.75, 0.2),
            row(f"onnx: {HOSTILE}", 0.7501, 0.15, difference=apart, pixels=1_000_000, differ=138),
            row("onnx: foreign.onnx", None, 0.6),
        ],
        "size": [513, 513],
        "machine": machine,
    }


def test_the_text_has_scores_and_speeds(table: dict) -> None:
    text = runtime_markdown(table)
    assert "At commit 1a2b3c4:" in text and "```\nsegkit benchmark --runtime a b\n```" in text
    assert text.count("<!-- written by the command above -->\n| runtime: file |") == 2
    assert "| pytorch: best.safetensors | 75.00 [70.00, 80.00] | - | - |" in text
    assert "75.01 [70.00, 80.00] | +0.01 [-0.02, +0.04] | 99.9862 % (138 differ) |" in text
    assert "| onnx: foreign.onnx | not scored | - | - |" in text
    assert "| onnx: foreign.onnx | 600 ms (x3.00) | 300 ms (x3.00) | 500 ms | 109 | 8.6 |" in text
    assert "mIoU on 10 pictures of voc val, 1,000,000 pixels with those without a label" in text
    assert "only the part that their one size takes: onnx: foreign.onnx 512x512." in text
    assert "- pytorch: best.safetensors: trained on COCO" in text


def test_without_times_the_sizes_stand_alone(table: dict) -> None:
    for row in table["runtimes"]:
        row["speeds"] = []
    text = runtime_markdown(table)
    assert "| onnx: foreign.onnx | 8.6 |" in text and "thread," not in text


def test_the_page_has_the_same(table: dict, tmp_path: Path) -> None:
    write_runtime_page(tmp_path / "runtimes.html", table)
    page = (tmp_path / "runtimes.html").read_text(encoding="utf-8")
    text = words(page)
    assert "138 differ" in text and "not scored" in text and "not told" not in text and "x3.00" in text
    assert HOSTILE not in page and page.count("<svg") >= 1
    for row in table["runtimes"]:
        row.update(measured=None, difference=None)
    write_runtime_page(tmp_path / "runtimes.html", table)
    assert "Chart" not in words((tmp_path / "runtimes.html").read_text(encoding="utf-8"))
