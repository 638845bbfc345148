"""The one door to whatever predicts: weights, a catalogue's name, or an exported file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from segkit.base.device import choose_device
from segkit.base.errors import ConfigError
from segkit.base.files import file_digest
from segkit.deploy.formats import Exported, format_of, is_exported
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
) -> DeepLabV3 | TorchvisionNetwork | Exported:
    """What a file or a name stands for, ready to predict: `load_network`'s, or an exported file run by its own runtime.

    Arguments and errors are those of `load_network`, and `device` is that of `choose_device`; `classes` and `canvas` of
    an exported file are its own, and it runs on the CPU. ConfigError for another output stride or device than that.
    """
    if not is_exported(path):
        network = load_network(path, output_stride=output_stride, classes=classes, canvas=canvas)
        return network.to(choose_device(device))
    if device not in ("auto", "cpu"):
        raise ConfigError(f"{path}: an exported file runs on the CPU, not on {device}: leave the device out")
    exported = format_of(path).read(Path(path))
    if output_stride not in (None, exported.output_stride):
        raise ConfigError(
            f"{path}: was exported at output stride {exported.output_stride}, which cannot be changed: leave the "
            "output stride (--os) out, or export it again"
        )
    return exported


def told_of_file(path: Path, model: Segmenter) -> dict[str, Any]:
    """What a protocol is to tell of the file of a `model`: as `told_of_weights`, and of an exported file its own."""
    if not is_exported(path):
        return told_of_weights(path)
    about = cast(Exported, model).about
    made_of = {"exported_from": about.told.get("weights_sha256"), "output": about.output}
    return {**about.told, "weights": str(path), "weights_sha256": file_digest(path), **made_of}
