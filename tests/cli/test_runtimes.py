"""`segkit benchmark --runtime`, end to end."""

import json
from pathlib import Path

import pytest
import torch

from segkit.data.shapes import ShapesDataset
from segkit.models.build import build_network
from segkit.weights.files import save_model
from tests.command import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two random networks for the drawn shapes, a.safetensors and b.safetensors."""
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        model = build_network("mobilenet_v2", classes=ShapesDataset.classes, aspp=False, options={"width": 0.1})
        save_model(tmp_path / f"{name}.safetensors", model.eval())
    return tmp_path


def test_files_are_scored_beside_the_first(folder: Path) -> None:
    options = ["--data", "shapes_quickstart", "--limit", "2", "--no-latency", "--json", "a.json", "--html", "a.html"]
    files = ["a.safetensors", "b.safetensors"]
    done = run("benchmark", "--runtime", *files, "data.side=49", *options, "--markdown", "a.md", cwd=folder)
    assert "pytorch: a.safetensors" in done.stdout and "differ)" in done.stdout
    rows = json.loads((folder / "a.json").read_text())["runtimes"]
    assert [row["name"] for row in rows] == ["pytorch: a.safetensors", "pytorch: b.safetensors"]
    assert rows[1]["pixels"] == rows[0]["measured"]["protocol"]["pictures"] * 49 * 49 and not rows[0]["speeds"]
    assert (folder / "a.md").read_text().startswith("# Runtimes beside each other\n")


def test_what_does_not_go_together_is_refused(folder: Path) -> None:
    for words, told in (
        (["--runtime", "a.safetensors", "--train"], "--train: serves the table"),
        (["--runtime"], "name the files"),
        (["--runtime", "a.safetensors", "data.side=49", "--no-eval"], "data.side=49: --no-eval scores nothing"),
        (["--mean", "1"], "give --runtime too"),
        (["--runtime", "a.safetensors", "--mean", "1,2"], "--mean 1,2: give one number or three"),
        (["--runtime", "a.safetensors", "--std", "0"], "--std 0: give one number or three"),
        (["--runtime", "a.safetensors", "--layout", "hwc"], "choose nchw or nhwc"),
    ):
        assert told in run("benchmark", *words, cwd=folder, status=2).stderr
