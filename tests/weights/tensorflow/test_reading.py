"""One set of variables in every form that they are published in, and what is no such form."""

import io
import random
import shutil
import tarfile
from pathlib import Path

import pytest
import torch

from segkit.base.errors import WeightsError
from segkit.base.labels import VOC_CLASSES
from segkit.models.build import build_network
from segkit.weights.build import build_model, load_model, load_network
from segkit.weights.files import read_training
from tests.weights.tensorflow import writers
from tests.weights.tensorflow_names import TENSORFLOW, as_tensorflow


@pytest.fixture
def theirs(randomise):
    options = {**TENSORFLOW, "width": 0.25, "divisor": 1}
    return randomise(build_network("mobilenet_v2", classes=VOC_CLASSES, aspp=False, options=options))


def packed(path: Path, *files: Path, folder: str = "deeplabv3_mnv2") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for file in files:
            archive.add(file, f"./{folder}/{file.name}")
    return path


def refusal(path) -> str:
    """The one line that a file is refused with, the same by every way in."""
    lines = set()
    for read in (load_model, load_network):
        with pytest.raises(WeightsError) as refused:
            read(path)
        lines.add(str(refused.value))
    assert len(lines) == 1 and "\n" not in "".join(lines)
    return lines.pop()


def test_every_form_gives_the_same_logits(tmp_path, saved, theirs, difference, pictures):
    variables = {name: tensor.contiguous() for name, tensor in as_tensorflow(theirs).items()}
    index = writers.write_bundle(tmp_path / "checkpoint/model.ckpt-30000", variables, shards=2)
    values = sorted(index.parent.glob("*.data-*"))
    graph = tmp_path / "graph/frozen_inference_graph.pb"
    graph.parent.mkdir()
    graph.write_bytes(writers.graph(variables))
    images = pictures(80)
    with torch.no_grad():
        expected = load_model(saved(variables))(images)
        assert difference(expected, theirs(images)) < 1e-4
        for path in (
            index,
            index.with_name("model.ckpt-30000"),
            values[0],
            index.parent,
            graph,
            graph.parent,
            packed(tmp_path / "zoo.tar.gz", *values, index, graph),
            packed(tmp_path / "graph.tgz", graph),
        ):
            assert torch.equal(load_model(str(path))(images), expected), path
            assert read_training(path) == {}
        for form in ("renamed", "folded", "multiplied"):
            graph.write_bytes(writers.graph(variables, form))
            assert difference(load_model(graph)(images), expected) < 1e-4, form
    started = build_model("mobilenet_v2", aspp=False, weights=graph.parent, options={"width": 0.25, "divisor": 1})
    assert all(name.endswith(".num_batches_tracked") for name in started.fresh)


def test_a_checkpoint_goes_before_a_graph_and_several_are_refused(tmp_path):
    index = writers.write_bundle(tmp_path / "model.ckpt-1", {"global_step": torch.tensor(1)})
    graph = tmp_path / "frozen_inference_graph.pb"
    graph.write_bytes(b"")
    assert "(global_step, ...)" in refusal(tmp_path)  # the checkpoint has been read
    both = packed(tmp_path / "both.tar.gz", *tmp_path.glob("model.ckpt-1*"), graph)
    assert "(global_step, ...)" in refusal(both)
    writers.write_bundle(tmp_path / "model.ckpt-2", {"global_step": torch.tensor(2)})
    said = refusal(tmp_path)
    several = "holds several checkpoints (model.ckpt-1.index, model.ckpt-2.index): give the path of one, unpacked"
    assert said == f"{tmp_path}: {several}"
    assert "holds several checkpoints" in refusal(packed(tmp_path / "two.tar.gz", *tmp_path.glob("model.ckpt-*")))
    assert refusal(tmp_path / "model.ckpt-3").startswith(f"{tmp_path / 'model.ckpt-3'}: there is no such file")
    assert index.is_file()


def test_a_folder_with_one_archive(tmp_path, theirs):
    graph = tmp_path / "frozen_inference_graph.pb"
    graph.write_bytes(writers.graph(as_tensorflow(theirs)))
    folder = tmp_path / "downloads"
    folder.mkdir()
    packed(folder / "zoo.tar.gz", graph)
    assert load_model(folder).backbone.stem.conv.out_channels == 8
    shutil.copy(folder / "zoo.tar.gz", folder / "zoo2.tar.gz")
    assert "holds several archives" in refusal(folder)


def member(name: str, data: bytes = b"", **about) -> tuple[tarfile.TarInfo, io.BytesIO]:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    for key, value in about.items():
        setattr(entry, key, value)
    return entry, io.BytesIO(data)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([member("../model.ckpt.index", b"x")], "outside of its folder"),
        ([member("/etc/model.pb", b"x")], "outside of its folder"),
        ([member("a.pb", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "holds a link to /etc/passwd"),
        ([member("a.pb", b"x"), member("a.pb", b"x")], "twice"),
        ([member("README", b"x")], "holds none of the files wanted"),
        ([member("m.data-00000-of-00001", b"x")], "holds values without their index"),
        ([member("a.pb", b"x"), member("b/c.pb", b"x")], r"holds several frozen graphs (a.pb, b/c.pb)"),
        ([member("a.pb", b"\n\xff\xff\xff\xff\x0f")], "bytes are told where"),
        ([member("._a.pb", b"x")], "holds none of the files wanted"),
    ],
)
def test_archives_that_are_not_to_be_trusted(tmp_path, members, said):
    path = tmp_path / "zoo.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for each, data in members:
            archive.addfile(each, data)
    line = refusal(path)
    assert line.startswith(str(path)) and said in line and "segkit-" not in line


def test_an_archive_that_is_cut_short(tmp_path, theirs):
    graph = tmp_path / "frozen_inference_graph.pb"
    graph.write_bytes(writers.graph(as_tensorflow(theirs)))
    path = packed(tmp_path / "zoo.tar.gz", graph)
    path.write_bytes(path.read_bytes()[:-100_000])
    assert "is broken or cut short" in refusal(path)
    path.write_bytes(b"\x1f\x8b" + bytes(100))
    assert "is broken or cut short" in refusal(path)


@pytest.mark.parametrize("name", ["frozen_inference_graph.pb", "model.ckpt.index", "model"])
def test_bytes_at_random_are_refused_in_a_sentence(tmp_path, name):
    chance = random.Random(name)
    for start in (b"", b"\n", b"\n\x05"):
        path = tmp_path / name
        path.write_bytes(start + chance.randbytes(300))
        assert refusal(path).startswith(f"{path}: ")
    path.write_bytes(chance.randbytes(300) + writers.MAGIC)
    assert "is no checkpoint or frozen graph that segkit can read, since " in refusal(path)


def test_a_checkpoint_changed_at_random_is_refused(tmp_path):
    variables = {f"a{n}/weights": torch.rand(n + 1, 3) for n in range(30)}
    index = writers.write_bundle(tmp_path / "model.ckpt", variables)
    whole, chance = index.read_bytes(), random.Random(1)
    for _ in range(60):
        changed = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] ^= chance.randrange(1, 256)
        index.write_bytes(changed[: chance.randrange(len(changed))] if chance.random() < 0.2 else changed)
        assert refusal(index).startswith(f"{index}: ")
