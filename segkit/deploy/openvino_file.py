"""ONNX files, run by OpenVINO in single precision."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from segkit.base.errors import WeightsError, told_by
from segkit.deploy.about import KEY
from segkit.deploy.formats import Opened, Port, only_ports, require


def read(path: Path) -> Opened:
    """The file, run by OpenVINO. ConfigError where that is missing, WeightsError for another file."""
    require(str(path), "openvino", "openvino")
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        model = core.read_model(path)
        told = model.get_rt_info(["framework", KEY]).astype(str) if model.has_rt_info(["framework", KEY]) else None
        compiled = core.compile_model(model, "CPU", settings)
    except Exception as error:  # RuntimeError, of every kind
        raise WeightsError(f"{path} is no file that OpenVINO runs ({told_by(error)}): export it again") from None
    takes, gives = only_ports(path, compiled.inputs, compiled.outputs)

    def run(pictures: np.ndarray) -> np.ndarray:
        return np.asarray(compiled(pictures)[0])

    return Opened(told, _port(takes), _port(gives), run)


def _port(of: Any) -> Port:
    sizes = tuple(size.get_length() if size.is_static else None for size in of.partial_shape)
    return Port(sizes, np.dtype(of.element_type.to_dtype()))
