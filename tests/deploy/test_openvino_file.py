"""ONNX files run by OpenVINO, where that is installed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from segkit.base.errors import ConfigError, WeightsError
from segkit.data.shapes import ShapesDataset
from segkit.deploy.export import export
from segkit.deploy.open import load_segmenter, told_of_file
from segkit.evaluation.inference import predict_labels
from segkit.models.build import build_network


def test_without_openvino_the_extra_is_named(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"nothing")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs the package openvino: pip install 'segkit-deeplabv3\[openvino\]'"):
        load_segmenter(f"openvino:{path}")


def test_a_file_of_segkits_predicts_as_by_onnxruntime(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    torch.manual_seed(0)
    shapes, out = ShapesDataset("val", size=3, side=65), tmp_path / "model.onnx"
    model = build_network("mobilenet_v2", classes=shapes.classes, aspp=False, options={"width": 0.1}).eval()
    torch.nn.init.normal_(model.classifier.weight, std=5)
    export(model, out, pictures=[shapes[0].image], told={}, size=(65, 65))
    by_onnx, by_openvino = load_segmenter(out), load_segmenter(f"openvino:{out}")
    assert by_openvino.classes == model.classes and by_openvino.fixed_size == (65, 65)
    assert told_of_file(Path(f"openvino:{out}"), by_openvino)["runtime"] == "openvino"
    images = torch.from_numpy(np.stack([sample.image for sample in shapes])).permute(0, 3, 1, 2)
    # Of 12,675 pixels; rounding moves those alone that two classes share.
    assert (predict_labels(by_onnx, images) != predict_labels(by_openvino, images)).sum() < 20


def test_another_file_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(WeightsError, match=r"model\.onnx is no file that OpenVINO runs"):
        load_segmenter(f"openvino:{path}")
