"""TensorFlow Lite files run by LiteRT, where that is installed."""

from pathlib import Path

import pytest

from segkit.base.errors import ConfigError, WeightsError
from segkit.base.labels import VOC_CLASSES
from segkit.data.dataset import FirstPictures
from segkit.data.voc import VocDataset
from segkit.deploy.open import load_segmenter
from segkit.evaluation.evaluate import evaluate


def test_without_litert_the_extra_is_named(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"nothing")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs the package ai-edge-litert: pip install .*\[tflite\]"):
        load_segmenter(path)


def test_the_official_model_scores_on_real_pictures(shared: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    model = load_segmenter(shared / "weights/deeplabv3_mnv2_pascal_quant.tflite", classes=VOC_CLASSES)
    assert model.fixed_size == (513, 513) and model.output_stride is None
    dataset = FirstPictures(VocDataset(shared / "data/voc2012/VOCdevkit/VOC2012", "val"), 3)
    assert evaluate(model, dataset).pixel_accuracy > 0.8  # 0.94 on all of val


def test_another_file_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "model.tflite"
    path.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(WeightsError, match=r"model\.tflite is no TensorFlow Lite file that runs"):
        load_segmenter(path)
