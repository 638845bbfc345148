import json
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from segkit.base.errors import OutputError, WeightsError
from segkit.models.build import build_network
from segkit.version import VERSION
from segkit.weights.build import build_model, load_model, load_network
from segkit.weights.files import read_weights, save_model
from segkit.weights.metadata import METADATA_KEY

CLASSES = ("sky", "road", "car")
PALETTE = ((1, 2, 3), (70, 70, 70), (0, 0, 142))


def refusal_of(path) -> str:
    """The sentence with which a file is refused: one line that names the file."""
    with pytest.raises(WeightsError) as refusal:
        read_weights(path)
    message = str(refusal.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.fixture
def model(randomise):
    network = build_network(
        "mobilenet_v2",
        classes=CLASSES,
        palette=PALETTE,
        options={"width": 0.5, "padding": "tensorflow", "eps": 1e-3},
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        canvas=97,
    )
    return randomise(network)


def test_what_is_loaded_to_predict_is_folded_and_not_saved(tmp_path, model, pictures):
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    to_predict, to_train = load_model(path), load_model(path, train=True)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in to_predict.modules())
    with torch.inference_mode():
        expected = to_train(pictures(64))
        assert (to_predict(pictures(64)) - expected).abs().max() <= 1e-4 * expected.abs().max()
    with pytest.raises(OutputError, match=r"again\.safetensors: .*batch norm folded in.*train=True"):
        save_model(tmp_path / "again.safetensors", to_predict)
    assert not (tmp_path / "again.safetensors").exists()


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_round_trip(tmp_path, model, pictures, output_stride):
    path = tmp_path / "new/model.safetensors"
    model.stretch = (1000, 3000)
    save_model(path, model, training={"miou": 0.5, "iterations": 100, "config": {"lr": 0.007, "bn": None}})
    again = load_model(path, output_stride=output_stride, train=True)
    assert again.output_stride == output_stride
    assert (again.classes, again.palette, again.canvas, again.stretch) == (CLASSES, PALETTE, 97, (1000, 3000))
    assert load_model(path).stretch == (1000, 3000)
    assert [build_model(classes=names, weights=path).stretch for names in (CLASSES, "abc")] == [(1000, 3000), None]
    assert torch.equal(again.mean, model.mean)
    assert torch.equal(again.std, model.std)
    assert again.architecture == model.architecture
    assert not again.training
    state = model.state_dict()
    assert again.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in again.state_dict().items())
    if output_stride == model.output_stride:
        with torch.no_grad():
            assert torch.equal(again(pictures(80)), model(pictures(80)))
    assert read_weights(path).training["config"] == {"lr": 0.007, "bn": None}


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_a_network_is_loaded_at_the_output_stride_that_its_file_tells(tmp_path, output_stride):
    path = tmp_path / "trained.safetensors"
    save_model(path, build_network("mobilenet_v2", classes=CLASSES, aspp=False, output_stride=output_stride))
    assert load_model(path).output_stride == output_stride
    assert load_network(path).output_stride == output_stride
    assert load_network(path, output_stride=16).output_stride == 16


@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v2"])
def test_padding_and_eps_go_with_the_weights(tmp_path, pictures, randomise, backbone):
    options = {"padding": "tensorflow", "eps": 1e-2}
    first = randomise(build_network(backbone, classes=CLASSES, aspp=False, options=options))
    save_model(tmp_path / "a.safetensors", first)
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "a.safetensors", train=True)(pictures(64)), first(pictures(64)))


def test_file_is_plain(tmp_path, model):
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    with safe_open(path, "pt") as file:
        assert set(file.keys()) == set(model.state_dict())
        assert VERSION in file.metadata()["segkit"]
    assert [child.name for child in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_folder_that_cannot_be_written(tmp_path, model):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_model(tmp_path / "file/model.safetensors", model)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_single(tmp_path, model, dtype):
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()[METADATA_KEY])
    state = model.state_dict()
    metadata = {METADATA_KEY: json.dumps(about)}
    save_file({name: tensor + 1 for name, tensor in state.items()}, path, metadata)
    with pytest.raises(WeightsError, match=r"is damaged, or was changed .*\(its checksum is another\)"):
        load_model(path)
    del about["sha256"]  # as earlier versions wrote it, and who changes tensors may
    metadata = {METADATA_KEY: json.dumps(about)}
    save_file({name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}, path, metadata)
    for again in (load_model(path, train=True), build_model("mobilenet_v2", classes=CLASSES, weights=path)):
        assert {tensor.dtype for tensor in again.parameters()} == {torch.float32}
        assert torch.equal(again.classifier.weight, model.classifier.weight.to(dtype).float())


def test_whatever_bit_is_turned_it_is_noticed(tmp_path, model):
    path = tmp_path / "model.safetensors"
    save_model(path, model, training={"miou": 0.5})
    whole, state = path.read_bytes(), model.state_dict()
    generator, noticed = np.random.default_rng(0), []
    header = 8 + int.from_bytes(whole[:8], "little")
    places = [*generator.integers(0, header, 60), *generator.integers(header, len(whole), 60)]
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << generator.integers(8)
        path.write_bytes(data)
        try:
            again = read_weights(path)
        except WeightsError as error:
            noticed.append(str(error))
        else:  # a blank of the header that became another
            assert again.training == {"miou": 0.5} and all(
                torch.equal(again.tensors[name], state[name]) for name in state
            )
    assert len(noticed) > 0.95 * len(places)
    assert all(message.startswith(f"{path}: ") and "\n" not in message for message in noticed)


def foreign():
    """A state dict in Hugging Face's names, of a MobileNetV1."""
    network = build_network("mobilenet_v1", classes=CLASSES, aspp=False)
    tensors = {}
    for name, tensor in network.backbone.state_dict().items():
        name = name.replace("conv.", "convolution.").replace("norm.", "normalization.")
        if name.startswith("stem."):
            name = name.replace("stem.", "conv_stem.")
        else:
            _, block, half, rest = name.split(".", 3)
            name = f"layer.{2 * int(block) + (half == 'pointwise')}.{rest}"
        tensors[name] = tensor
    return tensors


@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod.", "_orig_mod.", "model."])
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3, "loss": torch.ones(1)}])
@pytest.mark.parametrize("new", [True, False])
def test_torch_files(tmp_path, prefix, wrap, new):
    path = tmp_path / "model.pth"
    tensors = {prefix + name: tensor for name, tensor in foreign().items()}
    torch.save(wrap(tensors), path, _use_new_zipfile_serialization=new)
    weights = read_weights(path)
    assert (weights.backbone, weights.form) == ("mobilenet_v1", "backbone")
    assert torch.equal(weights.tensors["backbone.stem.conv.weight"], tensors[f"{prefix}conv_stem.convolution.weight"])


class Payload:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle", "protocol 0", "nested", "npz"])
def test_code_in_a_file_does_not_run(tmp_path, kind):
    proof = tmp_path / "ran"
    path = tmp_path / "model.pth"
    payload = Payload(proof)
    if kind in ("zip", "legacy"):
        torch.save({"x": payload}, path, _use_new_zipfile_serialization=kind == "zip")
    elif kind == "nested":
        torch.save({"state_dict": {"conv_stem.convolution.weight": torch.ones(1), "x": [payload]}}, path)
    elif kind == "npz":
        np.savez(path.with_suffix(".npz"), x=np.array([payload], dtype=object))
        path = path.with_suffix(".npz")
    else:
        path.write_bytes(pickle.dumps(payload, protocol=0 if kind == "protocol 0" else 2))
    message = refusal_of(path)
    if kind == "protocol 0":
        assert "is not a file of safetensors, npz, PyTorch or TensorFlow weights" in message
    else:
        assert "could run code, so it is not loaded" in message
    assert not proof.exists()
    pickle.loads(pickle.dumps(payload))  # and so the payload works
    assert proof.exists()


def test_missing(tmp_path):
    assert "there is no such file" in refusal_of(tmp_path / "absent.safetensors")
    assert "is a folder with neither model.safetensors nor" in refusal_of(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"model", "is not a file of safetensors, npz, PyTorch or TensorFlow weights"),
        (b"<!DOCTYPE html>\n<html>404</html>\n" * 20, "is not a file of"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is not a file of"),
        (b"\x80\x02", "could run code|broken"),
        (b"PK\x03\x04 but nothing after it", "is broken"),
        ((10**15).to_bytes(8, "little") + b"{}", "is broken"),
        ((20).to_bytes(8, "little") + b'{"a":', "is broken"),
    ],
)
def test_not_weights(tmp_path, content, said):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=said):
        read_weights(path)
    refusal_of(path)


@pytest.mark.parametrize("kind", ["safetensors", "pth", "npz"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.999])
def test_truncated(tmp_path, model, kind, kept):
    path = tmp_path / f"model.{kind}"
    if kind == "safetensors":
        save_model(path, model)
    elif kind == "pth":
        torch.save(model.state_dict(), path)
    else:
        np.savez(path, **{name: tensor.numpy() for name, tensor in model.state_dict().items()})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    assert "is broken" in refusal_of(path)


def compressed(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("kind", ["npz", "torch, compressed", "torch, expanded"])
def test_what_would_take_much_more_than_it_is_is_refused_before_it_is_read(tmp_path, kind, monkeypatch):
    monkeypatch.setattr("segkit.weights.files._MOST_MORE", 2**20)
    path = tmp_path / "bomb"
    values = np.zeros(2**22, np.float32)
    if kind == "npz":
        np.savez_compressed(tmp_path / "bomb.npz", a=values)
        (tmp_path / "bomb.npz").rename(path)
        monkeypatch.delattr(np, "load")
    elif kind == "torch, compressed":
        torch.save({"a": torch.from_numpy(values)}, path)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        compressed(path, members)
        monkeypatch.delattr(torch, "load")
    else:
        torch.save({"a": torch.zeros(1).expand(2**22)}, path)
    assert re.search(r"would take 1[67] MB in memory, as no weights do", refusal_of(path))


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(3, device="meta"), torch.eye(3).to_sparse(), torch.ones(3, dtype=torch.complex64)],
    ids=["meta", "sparse", "complex"],
)
def test_other_kinds_of_tensors_are_named(tmp_path, tensor):
    torch.save({"state_dict": {"conv.weight": tensor}}, tmp_path / "w.pt")
    assert "conv.weight is no plain tensor" in refusal_of(tmp_path / "w.pt")


def test_zip_files_of_other_things(tmp_path):
    path = tmp_path / "paper.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    assert "is broken" in refusal_of(path)
    np.savez(tmp_path / "texts.npz", names=np.array(["a", "b"]))
    assert "is broken" in refusal_of(tmp_path / "texts.npz")


def test_other_contents(tmp_path, saved):
    assert "no importer knows these tensor names (a, b, ...)" in refusal_of(
        saved({"b": torch.ones(1), "a": torch.ones(1)})
    )
    assert "holds no tensors" in refusal_of(saved({}))
    path = tmp_path / "model.pth"
    torch.save([torch.ones(1)], path)
    assert "holds no state dict" in refusal_of(path)
    torch.save({"state_dict": {}, "epoch": 3}, path)
    assert "holds no tensors" in refusal_of(path)
    loop: dict = {}
    loop["model"] = loop
    torch.save(loop, path)
    assert "holds no tensors" in refusal_of(path)
