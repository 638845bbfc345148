"""The program end to end, on two iterations."""

import json
import sys
from pathlib import Path

import pytest

from segkit.evaluation.result import read_evaluation
from tools.smp import train

pytest.importorskip("segmentation_models_pytorch")

ROOT = Path(__file__).parents[3]
RECIPE = [
    "model.width=1",
    "data.side=48",
    "data.train_size=8",
    "data.val_size=2",
    "train.iterations=2",
    "train.evaluate_every=1",
    "train.batch_size=2",
    "train.crop=33",
    "train.lr=0.01",
    "train.workers=0",
    "train.log_every=1",
    "train.device=cpu",
]


@pytest.fixture
def call(monkeypatch, tmp_path):
    """A function that runs the program on the shapes, with more arguments, and gives its figures."""

    def call(*arguments):
        command = ["train", str(ROOT / "configs" / "shapes_quickstart.yaml"), *RECIPE, *arguments]
        monkeypatch.setattr(sys, "argv", [*command, "--out", str(tmp_path / "run")])
        train.main()
        return json.loads((tmp_path / "run" / "figures.json").read_text())

    return call


@pytest.mark.slow
def test_two_iterations(tmp_path, call, capsys):
    figures = call("--mf")
    assert figures["iterations"] == 2 and figures["recipe"]["train"]["crop"] == 33 and figures["skipped"] == 0
    assert figures["recipe"]["train"]["precision"] == "fp32"  # chosen by the program
    assert [score["iteration"] for score in figures["val"]] == [1, 2]
    assert figures["best_val_miou"] == max(score["val_miou"] for score in figures["val"])
    assert figures["seconds"].keys() == {"training", "per_iteration", "test_single", "test_mf"}
    for name in ("single", "mf"):
        evaluation = read_evaluation(tmp_path / "run" / f"test_{name}.json")
        assert evaluation.miou == figures["test"][name]["miou"]
        assert evaluation.protocol["flip"] == (name == "mf") and evaluation.protocol["split"] == "test"

    segkit, peer, as_run = (figures["networks"][name] for name in ("segkit", "smp", "smp_as_run"))
    assert segkit["size"] == as_run["size"] == [49, 49] and peer["size"] == [48, 48]
    classes = len(read_evaluation(tmp_path / "run" / "test_single.json").classes)
    assert segkit["madds_with_upsampling"] == segkit["madds"] + 49 * 49 * classes  # two ways of counting agree
    assert segkit["madds"] < peer["madds"] < as_run["madds"]
    assert segkit["parameters"] < peer["parameters"] == as_run["parameters"]

    # A run that is over is only scored again.
    capsys.readouterr()
    again = call("--resume")
    assert "loss" not in capsys.readouterr().out and again["val"] == figures["val"]
    assert again["test"] == {"single": figures["test"]["single"]}


def test_a_wrong_recipe_is_one_sentence(call, capsys):
    with pytest.raises(SystemExit) as raised:
        call("model.output_stride=32")
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("train_smp: model.output_stride=32: the peer has 8 and 16")
