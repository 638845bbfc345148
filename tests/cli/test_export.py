"""`segkit export`, and the commands that take what it writes."""

import json
import re

import torch
from torch import nn

from segkit.data.shapes import ShapesDataset
from segkit.models.build import build_network
from segkit.weights.files import save_model
from tests.command import run

DATA = ("data.kind=shapes", "data.side=65", "data.val_size=3")


def test_an_exported_file_goes_where_weights_go(tmp_path):
    torch.manual_seed(0)
    shapes = ShapesDataset("val", size=1, side=65)
    network = build_network("mobilenet_v2", classes=shapes.classes, aspp=False, options={"width": 0.1}, canvas=65)
    nn.init.normal_(network.classifier.weight, std=5)
    save_model(tmp_path / "net.safetensors", network)
    done = run("export", "net.safetensors", "--out", "net.onnx", "--output", "probs", cwd=tmp_path)
    assert "net.onnx: probs of pictures of 65x65 pixels" in done.stdout
    assert "held against the network on drawn shapes" in done.stdout
    assert re.search(r"beside the network on 2 pictures: (99\.9|100\.)\d+% of the pixels", done.stdout)

    found = []
    for name in ("net.safetensors", "net.onnx"):
        run("evaluate", name, "--data", "shapes_quickstart", *DATA, "--json", f"{name}.json", cwd=tmp_path)
        found.append(json.loads((tmp_path / f"{name}.json").read_text()))
    (plain, exported) = (each["protocol"] for each in found)
    assert abs(found[0]["miou"] - found[1]["miou"]) < 0.005
    assert exported["exported_from"] == plain["weights_sha256"] != exported["weights_sha256"]
    assert exported["trained_on"] == plain["trained_on"]

    for arguments, words in (
        (["evaluate", "net.onnx"], "net.onnx: does not tell what data it was trained on"),
        (
            ["evaluate", "net.onnx", "--data", "shapes_quickstart", *DATA, "--precision", "bf16"],
            "leave --precision out",
        ),
        (["export", "net.safetensors", "--out", "b.onnx", "--format", "pt"], "files of it end in .pt"),
        (["export", "net.safetensors", "--out", "b.bin"], "choose one of onnx"),
        (["export", "net.safetensors", "--out", "b.onnx", "--size", "65"], "write height and width in pixels"),
        (["export", "net.safetensors", "--out", "b.onnx", "--size", "65x65", "--dynamic"], "leave one of them out"),
        (["export", "net.safetensors", "--out", "b.onnx", "--output", "boxes"], "choose labels, logits, probs"),
        (["export", "net.onnx", "--out", "b.onnx"], "net.onnx"),
    ):
        done = run(*arguments, cwd=tmp_path, status=1 if arguments[:2] == ["export", "net.onnx"] else 2)
        assert words in done.stderr
    assert not (tmp_path / "b.onnx").exists()
