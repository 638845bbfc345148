"""What docs/extending.md says of trainings, done: its code as it stands there, another loss, another schedule."""

import json
import math
import re
from pathlib import Path

import pytest

from segkit.recipe.config import TrainConfig
from segkit.training import learner
from segkit.training.loss import part_loss
from segkit.training.train import train
from segkit.weights.files import read_weights

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def steps(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]


def test_the_code_of_the_page(tmp_path, monkeypatch, capsys):
    """A data set from Python, and a listener."""
    data_set, listener = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    shorter = data_set.replace('"iterations": 50', '"iterations": 2, "workers": 0, "precision": "fp32"')
    assert shorter != data_set
    names: dict[str, object] = {}
    exec(shorter, names)
    assert 0 <= float(capsys.readouterr().out) <= 1
    assert read_weights("runs/halves/best.safetensors").classes == ("dark", "light")
    exec(listener, names)
    iteration, told = capsys.readouterr().out.split(maxsplit=1)
    assert iteration == "2" and "'dark'" in told


def test_another_loss_is_one_function(tmp_path, recipe, monkeypatch):
    def also_small_logits(config: TrainConfig, logits, labels, **options):
        return (
            part_loss(config, logits, labels, **options)
            + 3
            + logits.square().mean() * len(labels) / options["totals"].pictures
        )

    config = recipe(iterations=2)
    train(config, tmp_path / "plain")
    monkeypatch.setattr(learner, "part_loss", also_small_logits)
    train(config, tmp_path / "other")
    plain, other = (steps(tmp_path / name)[0]["loss"] for name in ("plain", "other"))
    assert other == pytest.approx(plain + 3, abs=0.1) and other > plain + 3


def test_another_schedule_is_one_function(tmp_path, recipe, monkeypatch):
    def cosine(config: TrainConfig, iteration: int) -> float:
        return (1 + math.cos(math.pi * iteration / config.iterations)) / 2

    monkeypatch.setattr(learner, "learning_rate_share", cosine)
    train(recipe(iterations=4, lr=0.02), tmp_path / "run")
    shares = [step["lr"] / 0.02 for step in steps(tmp_path / "run")]
    assert shares == pytest.approx([1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2])
