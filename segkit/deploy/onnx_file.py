"""ONNX files: written by torch's exporter, and run by onnxruntime as a `Segmenter`."""

import importlib.util
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segkit.base.errors import ConfigError, WeightsError, needs_extra
from segkit.base.files import write_atomically
from segkit.deploy.about import About
from segkit.deploy.network import DeployNetwork
from segkit.models.upsampling import resize, upsampled_labels

KEY = "segkit"
"""Of the metadata that say what the file takes and gives."""
INPUT = "image"

_LARGEST = 4097  # pixels a side, for the exporter, which asks for a bound


def write(network: DeployNetwork, path: Path, about: About) -> None:
    """Write a network as one ONNX file with its metadata. Raises OutputError where it cannot be written.

    ConfigError says how to get onnx and onnxscript where they are not installed.
    """
    _require("export --format onnx", "onnx", "onnxscript")
    import onnx

    rows, columns = about.size or (2 * about.side_step + 1, 3 * about.side_step + 1)
    shapes = None if about.size else {INPUT: {1: _sides("h", about), 2: _sides("w", about)}}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # which tells of what it could not simplify
    program = torch.onnx.export(
        network.half() if about.half else network,
        (torch.zeros(1, rows, columns, 3, dtype=torch.uint8),),
        dynamo=True,
        input_names=[INPUT],
        output_names=[about.output],
        dynamic_shapes=shapes,
        verbose=False,
    )
    assert program is not None
    made = program.model_proto
    made.metadata_props.append(onnx.StringStringEntryProto(key=KEY, value=about.model_dump_json()))
    onnx.checker.check_model(made)
    buffer = io.BytesIO()
    onnx.save_model(made, buffer)
    write_atomically(path, buffer.getvalue(), durable=True)


def _sides(name: str, about: About) -> Any:
    """`side_step * k + 1`, which the exporter knows of each side then."""
    return about.side_step * torch.export.Dim(f"_{name}", min=2, max=(_LARGEST - 1) // about.side_step) + 1


def _require(what: str, *packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ConfigError(needs_extra(what, package, "onnx"))


def read(path: Path) -> "OnnxSegmenter":
    """The file, run by onnxruntime; errors are those of the class."""
    return OnnxSegmenter(path)


class OnnxSegmenter:
    """An ONNX file that segkit wrote, run by onnxruntime on the CPU.

    Raises WeightsError for another file, ConfigError where onnxruntime is not installed.
    """

    def __init__(self, path: Path) -> None:
        _require(str(path), "onnxruntime")
        import onnxruntime

        self.path = path
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its kinds of errors have no public base
            told = (str(error).splitlines() or [type(error).__name__])[0]
            raise WeightsError(f"{path} is no ONNX file that runs ({told}): export it again") from None
        text = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        if text is None:
            raise WeightsError(f"{path} is an ONNX file that segkit did not write: make one with segkit export")
        self.about = about = About.read(path, text)
        self.classes, self.palette = about.classes, about.palette
        self.canvas, self.stretch, self.output_stride = about.canvas, about.stretch, about.output_stride
        self.side_step, self.fixed_size = about.side_step, about.size
        self.mean = torch.full((1, 3, 1, 1), float(about.padding))
        self.device = torch.device("cpu")

    def __call__(self, images: Tensor) -> Tensor:
        """Float pictures (N, 3, H, W), RGB in 0..255 -> logits (N, classes, H, W); of "probs" their logarithms."""
        if self.about.output == "labels":
            raise self._gives_no("logits or probs")
        made = self._run(images)
        return made.clamp_min(1e-30).log() if self.about.output == "probs" else resize(made, images.shape[2:])

    def logits(self, images: Tensor) -> Tensor:
        """The logits before they are upsampled: (N, classes, h, w)."""
        if self.about.output != "logits":
            raise self._gives_no("logits")
        return self._run(images)

    def labels(self, images: Tensor) -> Tensor:
        """The class of each pixel: uint8 (N, H, W)."""
        made = self._run(images)
        if self.about.output == "labels":
            return made
        return upsampled_labels(made, images.shape[2:]) if self.about.output == "logits" else made.argmax(1).byte()

    def _gives_no(self, wanted: str) -> ConfigError:
        return ConfigError(
            f"{self.path} puts out {self.about.output} alone, which are not enough for several scales, mirror images "
            f"or windows: export it with --output {wanted}"
        )

    def _run(self, images: Tensor) -> Tensor:
        pictures = images.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        return torch.from_numpy(np.concatenate([self._session.run(None, {INPUT: each[None]})[0] for each in pictures]))
