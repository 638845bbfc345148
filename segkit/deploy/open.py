"""The one door to whatever predicts: weights, a catalogue's name, or an exported file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segkit.base.device import choose_device
from segkit.base.errors import ConfigError, WeightsError
from segkit.base.files import file_digest
from segkit.deploy.foreign import InputTold
from segkit.deploy.formats import Opened, reader_of, split_runtime
from segkit.deploy.segmenter import ExportedSegmenter, segmenter_of
from segkit.evaluation.inference import Segmenter
from segkit.models.deeplabv3 import DeepLabV3
from segkit.weights.build import load_network
from segkit.weights.lineage import told_of_weights
from segkit.weights.torchvision_network import TorchvisionNetwork


def load_segmenter(
    path: Path | str,
    *,
    output_stride: int | None = None,
    classes: Sequence[str] | None = None,
    canvas: int | None = None,
    device: str = "cpu",
    told: InputTold | None = None,
) -> DeepLabV3 | TorchvisionNetwork | ExportedSegmenter:
    """What a file or a name stands for, ready to predict: `load_network`'s, or an exported file run by its own runtime.

    A file of more than one runtime is run by the one that is said before it, as in "openvino:model.onnx". Arguments and
    errors are those of `load_network`, and `device` is that of `choose_device`; `canvas` and, where segkit wrote it,
    `classes` of an exported file are its own, and it runs on the CPU. `told` is of the input of another maker's file.
    ConfigError for another output stride or device than that of an exported file.
    """
    runtime, file = split_runtime(path)
    if runtime is None:
        if told is not None:
            raise ConfigError(f"{path}: tells itself how pictures are normalised: leave out --mean, --std and --layout")
        network = load_network(path, output_stride=output_stride, classes=classes, canvas=canvas)
        return network.to(choose_device(device))
    if device not in ("auto", "cpu"):
        raise ConfigError(f"{path}: an exported file runs on the CPU, not on {device}: leave the device out")
    exported = segmenter_of(file, open_exported(path), told=told, classes=classes)
    if output_stride not in (None, exported.output_stride):
        raise ConfigError(
            f"{path}: was exported at {exported.output_stride or 'its own'} for an output stride, which cannot be "
            "changed: leave the output stride (--os) out, or export it again"
        )
    return exported


def open_exported(path: Path | str) -> Opened:
    """An exported file in the runtime that its name, or what is said before it, says; errors as above."""
    runtime, file = split_runtime(path)
    if runtime is None or not file.is_file():
        raise WeightsError(f"{file}: there is no such exported file: give the path of one")
    return reader_of(runtime).read(file)


def told_of_file(path: Path, model: Segmenter) -> dict[str, Any]:
    """What a protocol is to tell of the file of a `model`: as `told_of_weights`, and of an exported file its own."""
    if not isinstance(model, ExportedSegmenter):
        return told_of_weights(path)
    runtime, file = split_runtime(path)
    made_of = {"runtime": runtime, "output": model.output}
    return {**model.told, "weights": str(path), "weights_sha256": file_digest(file), **made_of}
