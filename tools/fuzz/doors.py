"""The doors through which something comes in from outside, each with whole inputs."""

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import torch
from PIL import Image
from safetensors.torch import save as save_safetensors

from segkit.base.archives import unpacked
from segkit.base.label_files import read_label
from segkit.base.pictures import read_picture
from segkit.cli.compare import compare
from segkit.cli.data.exporting import export
from segkit.data.importers.importing import import_data
from segkit.data.importers.rules import Rules
from segkit.data.pairs import read_names
from segkit.data.public.voc import sbd_label
from segkit.evaluation.evaluate import evaluate
from segkit.models.build import build_network
from segkit.recipe.config import TrainConfig
from segkit.recipe.reading import config_from, load_config
from segkit.training.folder import read_versions
from segkit.training.learner import Learner
from segkit.training.log import append_metrics, read_metrics
from segkit.training.state import Counters, read_state, write_state
from segkit.weights.build import load_model
from segkit.weights.files import read_tensors, save_model
from tests.weights.tensorflow import writers
from tools.fuzz.exports import EXPORTS, PICTURE_AT


@dataclass(frozen=True)
class Door:
    """What takes a file, whole files for it, and what a text in them is: "json", "yaml" or, of bytes, ""."""

    enter: Callable[[Path], Any]
    whole: Sequence[bytes]
    text: str = ""
    name: str = "input"


class Squares(torch.nn.Module):
    """Two classes by brightness, to have an evaluation without a network."""

    classes, palette, canvas, output_stride = ("dark", "bright"), ((0, 0, 0), (255, 0, 0)), None, 16
    side_step, fixed_size = 16, None
    mean = torch.full((1, 3, 1, 1), 127.5)
    device = mean.device

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Float pictures (N, 3, H, W) -> logits (N, 2, H, W)."""
        grey = images.mean(1, keepdim=True)
        return torch.cat([127.5 - grey, grey - 127.5], 1)

    def labels(self, images: torch.Tensor) -> torch.Tensor:
        """The brighter pixels: uint8 (N, H, W)."""
        return self(images).argmax(1).to(torch.uint8)


def doors(folder: Path) -> dict[str, Callable[[], Door]]:
    """Each door by its name, made when it is asked for; what they need is written below `folder`."""
    return {
        "recipe": lambda: Door(load_config, _recipes(), "yaml", "recipe.yaml"),
        "override": lambda: Door(_override, [b"train.lr=0.01", b"data.val_size=100", b"train.scales=[0.5, 2]"], "yaml"),
        "picture": lambda: Door(read_picture, [*_pictures(("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"))]),
        "label map": lambda: Door(lambda path: read_label(path, colours=((0, 0, 0), (255, 0, 0))), [*_labels()]),
        "list": lambda: Door(read_names, [b"2007_000032\n2007_000033 1\n\nx/y\n"], "words"),
        "SBD label": lambda: Door(sbd_label, [_mat(compressed=True), _mat(compressed=False)]),
        "archive": lambda: Door(_Unpacked(folder), [*_archives()]),
        "result": lambda: Door(lambda path: compare(path, path), [_result()], "json"),
        "metrics of a run": lambda: Door(read_metrics, [_metrics(folder)], "words"),
        "versions of a run": lambda: Door(
            read_versions, [b'[{"iteration": 0, "torch": "2.13", "data": "ab"}]'], "json"
        ),
        "state of a run": lambda: Door(read_state, [_state(folder)]),
        "weights": lambda: Door(load_model, [_weights(folder)], "", "w.safetensors"),
        "foreign weights": lambda: Door(read_tensors, [*_foreign()]),
        "checkpoint's index": lambda: Door(_Index(_checkpoint(folder)), [_checkpoint(folder).read_bytes()]),
        "checkpoint's entry": lambda: Door(_Index(_checkpoint(folder), _around), [_entry()]),
        "frozen graph": lambda: Door(read_tensors, [*_graphs()], "", "graph.pb"),
        "archive of weights": lambda: Door(read_tensors, [*_archives_of_weights(folder)], "", "weights.tar.gz"),
        "predictions to export": lambda: _predictions(folder),
        **{f"import {kind}": lambda kind=kind: _importer(folder, kind) for kind in EXPORTS},
    }


def _override(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    config_from({"data": {"kind": "shapes"}}, source="recipe.yaml", overrides=[text])


def _recipes() -> list[bytes]:
    own = Path(__file__).parents[2] / "configs"
    return [
        (own / f"{name}.yaml").read_bytes() for name in ("shapes_quickstart", "camvid_ablation", "voc_mobilenet_v2")
    ]


def _encoded(values: np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(values)
    if "palette" in options:
        image.putpalette(options.pop("palette"))
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _pictures(kinds: Sequence[str]) -> Iterator[bytes]:
    noise = np.random.default_rng(0).integers(0, 256, (9, 11, 4), dtype=np.uint8)
    for kind in kinds:
        yield _encoded(noise[..., :3], kind)
        yield _encoded(noise[..., 0], kind)
    yield _encoded(noise, "PNG")
    yield _encoded(noise[..., 0].astype(np.uint16) * 257, "PNG")
    exif = Image.Exif()
    exif[274] = 6
    yield _encoded(noise[..., :3], "JPEG", exif=exif)


def _labels() -> Iterator[bytes]:
    label = np.random.default_rng(0).integers(0, 2, (9, 11), dtype=np.uint8)
    yield _encoded(label, "PNG")
    yield _encoded(label, "PNG", palette=list(range(256)) * 3)
    yield _encoded(np.array([(0, 0, 0), (255, 0, 0)], np.uint8)[label], "PNG")


def _mat(*, compressed: bool) -> bytes:
    buffer = io.BytesIO()
    fields = {"Boundaries": np.eye(3), "Segmentation": np.arange(20, dtype=np.uint8).reshape(4, 5)}
    scipy.io.savemat(buffer, {"GTcls": fields}, do_compression=compressed)
    return buffer.getvalue()


class _Unpacked:
    """Unpacks into a folder that is removed again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "unpacked"

    def __call__(self, path: Path) -> None:
        try:
            with unpacked(path, self.folder, place=lambda name: name, most_bytes=10**7):
                pass
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def _archives() -> Iterator[bytes]:
    for mode in ("w", "w:gz", "w:xz", "w:bz2"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for name in ("a.txt", "b/" + "c" * 120):
                info = tarfile.TarInfo(name)
                info.size = 5
                tar.addfile(info, io.BytesIO(b"12345"))
        yield buffer.getvalue()
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as opened:
            opened.writestr("a.txt", b"12345" * 9)
            opened.writestr("d/b.txt", b"")
        yield buffer.getvalue()


def _result() -> bytes:
    from segkit.data.shapes import ShapesDataset

    class Two(ShapesDataset):
        classes, palette = Squares.classes, Squares.palette

        def __getitem__(self, index: int) -> Any:
            sample = super().__getitem__(index)
            return sample._replace(label=(sample.label > 0).astype(np.uint8))

    return json.dumps(evaluate(Squares(), Two("val", size=3, side=33)).to_json()).encode()


def _metrics(folder: Path) -> bytes:
    path = folder / "metrics.jsonl"
    append_metrics(path, iteration=1, loss=0.5, lr=0.1, skipped=0)
    append_metrics(path, iteration=2, val_miou=0.5, val_iou=[0.5, None], best=True)
    return path.read_bytes()


def _network() -> Any:
    return build_network("mobilenet_v2", classes=("a", "b"), aspp=False, options={"width": 0.1})


def _state(folder: Path) -> bytes:
    learner = Learner(TrainConfig(iterations=2, precision="fp32"), _network(), torch.device("cpu"))
    write_state(folder / "state", learner, Counters(1))
    return (folder / "state").read_bytes()


def _weights(folder: Path) -> bytes:
    save_model(folder / "w.safetensors", _network())
    return (folder / "w.safetensors").read_bytes()


def _foreign() -> Iterator[bytes]:
    """A small MobileNetV2 of the names of Hugging Face's and torchvision's, in the three kinds of files."""
    from tests.weights.test_files import foreign

    tensors = {name: tensor for name, tensor in foreign().items() if tensor.numel() < 10_000}
    yield save_safetensors({name: tensor.contiguous() for name, tensor in tensors.items()})
    buffer = io.BytesIO()
    np.savez(buffer, **{name.replace(".", "_"): tensor.numpy() for name, tensor in tensors.items()})
    yield buffer.getvalue()
    buffer = io.BytesIO()
    torch.save({"state_dict": tensors, "epoch": 3}, buffer)
    yield buffer.getvalue()


_VARIABLES = {
    "Conv/weights": torch.rand(3, 3, 3, 4),
    **{f"Conv/BatchNorm/{part}": torch.rand(4) for part in ("gamma", "beta", "moving_mean", "moving_variance")},
    "logits/weights": torch.rand(1, 1, 4, 2),
    "logits/biases": torch.rand(2),
}


def _checkpoint(folder: Path) -> Path:
    return writers.write_bundle(folder / "m.ckpt-1", _VARIABLES)


@dataclass(frozen=True)
class _Index:
    """Reads a checkpoint whose index is the input, or is made of it; its values are beside it."""

    index: Path
    made: Callable[[bytes], bytes] = bytes

    def __call__(self, path: Path) -> None:
        self.index.write_bytes(self.made(path.read_bytes()))
        read_tensors(self.index)


def _entry() -> bytes:
    """What an index tells of the first variable."""
    first = min(_VARIABLES)
    return writers.entry(_VARIABLES[first], shard=0, offset=0)


def _around(entry: bytes) -> bytes:
    """An index of one entry, with the right checksums, which refuse most damage before anything is read."""
    return writers.table([(b"", writers.header()), (b"a", entry)])


def _graphs() -> Iterator[bytes]:
    for form in writers.FORMS:
        yield writers.graph(_VARIABLES, form)
    # Values one by one, of which the last stands for all that follow.
    constant = writers.field(1, 1) + writers.field(2, writers.shape([4])) + writers.varint(5 << 3 | 5) + b"\0\0\x80?"
    yield writers.graph(_VARIABLES) + writers.node("Conv/BatchNorm/gamma_1", "Const", value=constant)


def _archives_of_weights(folder: Path) -> Iterator[bytes]:
    index = _checkpoint(folder)
    graph = folder / "frozen_inference_graph.pb"
    graph.write_bytes(writers.graph(_VARIABLES))
    for files in ((index, folder / "m.ckpt-1.data-00000-of-00001"), (graph,)):
        for mode in ("w:gz", "w"):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
                for file in files:
                    tar.add(file, f"model/{file.name}")
            yield buffer.getvalue()


def _predictions(folder: Path) -> Door:
    """What `segkit predict` writes beside its label maps."""
    source, numbers = folder / "predicted", count()
    (source / "labels").mkdir(parents=True)
    picture = source / "a.png"
    picture.write_bytes(_as_bytes(np.zeros((4, 6, 3), np.uint8)))
    (source / "labels" / "a.png").write_bytes(_as_bytes(np.eye(4, 6, dtype=np.uint8)))
    record = {"name": "a", "picture": str(picture), "classes": ["ground", "wall"]}

    def enter(path: Path) -> None:
        out = folder / f"out{next(numbers)}"
        shutil.copy(path, source / "predictions.jsonl")
        try:
            export(source, out, "labelme")
        finally:
            shutil.rmtree(out, ignore_errors=True)

    return Door(enter, [(json.dumps(record) + "\n").encode()], "words")


def _importer(folder: Path, kind: str) -> Door:
    """Of an export the first file is damaged; the others, and the picture, are there."""
    (first, content), *others = EXPORTS[kind].items()
    source = folder / "export"
    for name, other in [*others, (PICTURE_AT.get(kind, "a.png"), np.zeros((4, 6, 3), np.uint8))]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(_as_bytes(other))
    (source / first).parent.mkdir(parents=True, exist_ok=True)
    numbers = count()
    rules = Rules() if kind in ("cvat", "roboflow", "masks") else Rules(boxes="fill")  # in masks there are no boxes

    def enter(path: Path) -> None:
        out = folder / f"out{next(numbers)}"
        shutil.copy(path, source / first)
        try:
            table = source / first if kind == "masks" else None
            import_data(kind.split()[0], source, out, classes=table, rules=rules)
        finally:
            shutil.rmtree(out, ignore_errors=True)

    return Door(enter, [_as_bytes(content)], "json" if isinstance(content, dict | list) else "words")


def _as_bytes(content: Any) -> bytes:
    if isinstance(content, np.ndarray):
        return _encoded(content, "PNG")
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()
