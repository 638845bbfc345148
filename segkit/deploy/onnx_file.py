"""ONNX files: written by torch's exporter, and run by onnxruntime."""

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segkit.base.errors import WeightsError, told_by
from segkit.base.files import write_atomically
from segkit.deploy.about import KEY, About
from segkit.deploy.formats import Opened, Port, only_ports, require
from segkit.deploy.network import DeployNetwork

_LARGEST = 4097  # pixels a side, for the exporter, which asks for a bound
_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}


def write(network: DeployNetwork, path: Path, about: About) -> None:
    """Write a network as one ONNX file with its metadata. Raises OutputError where it cannot be written.

    ConfigError says how to get onnx and onnxscript where they are not installed.
    """
    require("export --format onnx", "onnx", "onnx", "onnxscript")
    import onnx

    rows, columns = about.size or (2 * about.side_step + 1, 3 * about.side_step + 1)
    shapes = None if about.size else {"image": {1: _sides("h", about), 2: _sides("w", about)}}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # which tells of what it could not simplify
    program = torch.onnx.export(
        network.half() if about.half else network,
        (torch.zeros(1, rows, columns, 3, dtype=torch.uint8),),
        dynamo=True,
        input_names=["image"],
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


def read(path: Path) -> Opened:
    """The file, run by onnxruntime. ConfigError where that is missing, WeightsError for another file."""
    require(str(path), "onnx", "onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its kinds of errors have no public base
        raise WeightsError(f"{path} is no ONNX file that runs ({told_by(error)}): export it again") from None
    takes, gives = only_ports(path, session.get_inputs(), session.get_outputs())
    told = session.get_modelmeta().custom_metadata_map.get(KEY)

    def run(pictures: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {takes.name: pictures})[0])

    return Opened(told, _port(path, takes), _port(path, gives), run)


def _port(path: Path, of: Any) -> Port:
    sizes = tuple(size if isinstance(size, int) else None for size in of.shape)
    try:
        return Port(sizes, np.dtype(_DTYPES.get(of.type) or of.type.removeprefix("tensor(").removesuffix(")")))
    except TypeError:
        raise WeightsError(
            f"{path}: {of.name} is a {of.type}, which is no picture or classes: export it in floats"
        ) from None
