"""Networks as ONNX files, and such files as segmenters, by onnxruntime."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from segkit.base.errors import ConfigError, OutputError, SegkitError, WeightsError
from segkit.data.shapes import ShapesDataset
from segkit.deploy import onnx_file
from segkit.deploy.export import Agreement, export
from segkit.deploy.network import Output
from segkit.deploy.open import load_segmenter, told_of_file
from segkit.deploy.segmenter import ExportedSegmenter
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.inference import predict, predict_labels
from segkit.models.build import build_network
from segkit.models.deeplabv3 import DeepLabV3

TOLD = {"weights": "a.safetensors", "weights_sha256": "0" * 64, "trained_on": ["shapes"]}


def network() -> DeepLabV3:
    torch.manual_seed(0)
    shapes = ShapesDataset("val", size=1, side=33)
    made = build_network(
        "mobilenet_v2", classes=shapes.classes, palette=shapes.palette, aspp=False, options={"width": 0.1}
    )
    nn.init.normal_(made.classifier.weight, std=5)
    return made.eval()


def pictures() -> list[np.ndarray]:
    shapes = ShapesDataset("val", size=3, side=70)
    return [shapes[index].image for index in range(3)]


@pytest.fixture(scope="module", params=["labels", "logits"])
def made(request, tmp_path_factory) -> tuple[Output, DeepLabV3, Path, Agreement]:
    out, model = tmp_path_factory.mktemp("onnx") / "model.onnx", network()
    found = export(model, out, pictures=pictures(), told=TOLD, size=(65, 97), output=request.param)
    return request.param, model, out, found


def test_a_file_is_held_against_its_network(made) -> None:
    output, _, out, found = made
    assert found.pictures == 3 and found.equal > 0.999
    assert (found.difference is None) == (output == "labels") and (found.difference or 0) < 1e-4
    assert [*out.parent.iterdir()] == [out]
    told = json.loads(next(each.value for each in onnx.load(out).metadata_props if each.key == "segkit"))
    assert (told["size"], told["padding"], told["output"]) == ([65, 97], 128, output)
    assert told["classes"][0] == "background" and told["told"] == TOLD and len(told["palette"]) == len(told["classes"])


def test_a_file_predicts_as_its_network_does(made) -> None:
    output, model, out, _ = made
    exported = load_segmenter(out)
    assert isinstance(exported, ExportedSegmenter) and exported.classes == model.classes
    assert told_of_file(out, exported) == TOLD | {
        "weights": str(out),
        "weights_sha256": told_of_file(out, exported)["weights_sha256"],
        "exported_from": "0" * 64,
        "output": output,
        "runtime": "onnx",
    }
    model.mean.fill_(128)  # which is what files are padded with, and nothing that the network would notice elsewhere
    image = torch.from_numpy(pictures()[0][:60]).permute(2, 0, 1)[None]
    labels = predict_labels(exported, image)
    assert labels.shape == (1, 60, 70) and labels.dtype == torch.uint8
    if output == "labels":
        with pytest.raises(ConfigError, match=r"model\.onnx puts out labels alone.*--output logits or probs"):
            predict(exported, image)
        return
    found = predict(exported, image, flip=True)
    assert found.shape == (1, len(model.classes), 60, 70) and torch.allclose(
        found.sum(1), torch.ones(1, 60, 70), atol=1e-4
    )
    assert (predict(exported, image).argmax(1).to(torch.uint8) == labels).float().mean() > 0.999
    assert predict(exported, torch.zeros(1, 3, 100, 97)).shape[2:] == (100, 97)  # in windows
    with pytest.raises(ConfigError, match=r"has no scale 0\.5"):
        predict(exported, image, scales=(0.5, 1.0))


def test_a_file_is_evaluated(made) -> None:
    _, _, out, _ = made
    result = evaluate(load_segmenter(out), ShapesDataset("val", size=2, side=65))
    assert len(result.pictures) == 2 and result.protocol["canvas"] == "97x65"


@pytest.mark.slow  # the exporter takes its time to prove what it is told of the sides
def test_sides_of_any_length_that_fits(tmp_path: Path) -> None:
    model, out = network(), tmp_path / "any.onnx"
    assert export(model, out, pictures=pictures(), told=TOLD, output="logits").equal > 0.999
    exported = load_segmenter(out)
    assert exported.fixed_size is None and exported.side_step == 16
    for side in (33, 65, 129):
        image = torch.randint(0, 256, (1, 3, side, side + 16)).float()
        with torch.inference_mode():
            assert (exported.logits(image) - model.logits(image)).abs().max() < 1e-3
    text = onnx.load(out).graph.input[0].type.tensor_type.shape
    assert "16*" in text.dim[1].dim_param.replace(" ", "")


@pytest.mark.slow
def test_half_precision(tmp_path: Path) -> None:
    found = export(network(), tmp_path / "half.onnx", pictures=pictures(), told=TOLD, size=(65, 65), half=True)
    assert found.equal > 0.98


def test_what_does_not_fit_is_refused(made, tmp_path: Path, monkeypatch) -> None:
    _, model, out, _ = made
    options = {"pictures": pictures(), "told": TOLD, "size": (65, 65)}
    for size, words in (((64, 65), "a side of 64 pixels.*such as 65"), ((1, 17), "a side of 1 pixels.*such as 17")):
        with pytest.raises(ConfigError, match=words):
            export(model, tmp_path / "a.onnx", **options | {"size": size})
    with pytest.raises(OutputError, match="is there already"):
        export(model, out, **options)
    with pytest.raises(ConfigError, match="choose one of onnx"):
        export(model, tmp_path / "a.pt", **options)
    monkeypatch.setattr(onnx_file, "write", lambda exported, part, about: part.write_bytes(out.read_bytes()))
    nn.init.normal_(model.classifier.weight, std=5)  # another network than that of the file
    with pytest.raises(OutputError, match=r"a\.onnx: the file gives .*% of the network's classes alone"):
        export(model, tmp_path / "a.onnx", **options)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("kind", ["nothing", "noise", "another maker's", "other metadata", "no file"])
def test_files_that_are_wrong(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [
        onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    ])  # fmt: skip
    foreign = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    if kind == "other metadata":
        foreign.metadata_props.append(onnx.StringStringEntryProto(key="segkit", value='{"classes": 3}'))
    if kind != "no file":
        path.write_bytes({"nothing": b"", "noise": bytes(range(256)) * 4}.get(kind, foreign.SerializeToString()))
    with pytest.raises(WeightsError) as told:
        load_segmenter(path)
    assert isinstance(told.value, SegkitError) and str(path) in str(told.value) and "\n" not in str(told.value)


def test_what_an_exported_file_cannot_do(made) -> None:
    _, _, out, _ = made
    with pytest.raises(ConfigError, match=r"was exported at 16 for an output stride.*--os"):
        load_segmenter(out, output_stride=8)
    with pytest.raises(ConfigError, match=r"runs on the CPU, not on cuda"):
        load_segmenter(out, device="cuda")
