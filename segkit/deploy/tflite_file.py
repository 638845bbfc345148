"""TensorFlow Lite files, run by LiteRT."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from segkit.base.errors import WeightsError, told_by
from segkit.deploy.formats import Opened, Port, only_ports, require


def read(path: Path) -> Opened:
    """The file, run by LiteRT. ConfigError where that is missing, WeightsError for another file."""
    require(str(path), "tflite", "ai-edge-litert")
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(str(path), num_threads=torch.get_num_threads())
        interpreter.allocate_tensors()
    except Exception as error:  # ValueError or RuntimeError, without a word on which
        raise WeightsError(f"{path} is no TensorFlow Lite file that runs ({told_by(error)}): fetch it again") from None
    takes, gives = only_ports(path, interpreter.get_input_details(), interpreter.get_output_details())

    def run(pictures: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(takes["index"], pictures)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(gives["index"]))

    return Opened(None, _port(takes), _port(gives), run)


def _port(of: dict[str, Any]) -> Port:
    return Port(tuple(int(size) for size in of["shape"]), np.dtype(of["dtype"]))
