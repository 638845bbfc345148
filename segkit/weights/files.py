"""Files of weights: safetensors with readable JSON metadata of our own, and foreign files as they are.

Nothing here executes code from a file: safetensors and npz hold arrays only, and pickles are read by torch's
`weights_only` loader, which refuses anything but tensors and plain containers.
"""

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import torch
from safetensors import safe_open
from torch import Tensor

from segkit.base.errors import OutputError, WeightsError, told_by
from segkit.base.files import format_bytes, write_atomically
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.layers import FOLDED
from segkit.version import VERSION
from segkit.weights.cache import resolve
from segkit.weights.imported import Weights
from segkit.weights.importers.hugging_face import classes_beside
from segkit.weights.importers.recognise import import_tensors
from segkit.weights.metadata import METADATA_KEY, Metadata
from segkit.weights.sealed import DamagedError, seal, unseal
from segkit.weights.tensorflow.reading import read_tensorflow

PICKLE = b"\x80"
"""The first byte of the pickles that torch writes."""
NESTED = ("state_dict", "model_state_dict", "model_state", "model", "state_dict_ema", "model_ema")
"""Where training programs put the state dict in their checkpoints."""
MAX_NESTING = 3

_MOST_TIMES, _MOST_MORE = 16, 2**26
"""How many times the bytes of its file a network may take, and how many bytes more: weights hardly compress."""


def save_model(path: Path | str, model: DeepLabV3, *, training: dict[str, Any] | None = None) -> None:
    """Write `model` as safetensors with all that is needed to build it again and to use it.

    `training` is JSON data that says how it was trained. The file is written whole or not at all; OutputError where it
    cannot be, and for a network whose batch norm was folded.
    """
    if model.unfolded_parameters is not None:
        raise OutputError(f"{path}: the network to be saved {FOLDED}")
    metadata = Metadata.of(model, training=training or {}, segkit_version=VERSION)
    data = metadata.model_dump(mode="json")
    write_atomically(Path(path), seal(model.state_dict(), data, key=METADATA_KEY), durable=True)


def read_weights(path: Path | str) -> Weights:
    """The weights in a file: segkit's own, TensorFlow's, Hugging Face's, torchvision's or timm's.

    `path` may be whatever `resolve` knows. A config.json of Hugging Face's beside the file names the classes. Raises
    WeightsError for a file that is missing, broken, unknown, or has code in it, DownloadError for one that cannot be
    fetched.
    """
    path = resolve(path)
    tensors, texts = read_tensors(path)
    metadata = _own_metadata(path, tensors, texts)
    if metadata is not None:
        return metadata.weights(tensors)
    weights = import_tensors(path, tensors)
    if weights.form == "segmentation network":
        return replace(weights, classes=classes_beside(path, weights.num_classes))
    return weights


def read_training(path: Path | str) -> dict[str, Any]:
    """How the network in a file was trained, as `save_model` was told; {} for a foreign file. Raises as above."""
    path = resolve(path)
    metadata = _own_metadata(path, *read_tensors(path))
    return {} if metadata is None else metadata.training


def _own_metadata(path: Path, tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> Metadata | None:
    if METADATA_KEY not in texts:
        return None
    try:
        return Metadata.model_validate(unseal(tensors, texts[METADATA_KEY]))
    except DamagedError as error:
        raise WeightsError(
            f"{path}: is damaged, or was changed by something else than save_model ({error}): get the file again, or "
            "take an earlier one"
        ) from None
    except (ValueError, RecursionError) as error:
        why = str(error)
        if isinstance(error, pydantic.ValidationError):
            first = error.errors()[0]
            why = "".join(f"{part}: " for part in first["loc"]) + first["msg"]
        raise WeightsError(
            f"{path}: the metadata cannot be used ({why}): write the file again with save_model, or install the segkit "
            "that wrote it"
        ) from None


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a safetensors, npz, PyTorch or TensorFlow file by name, and the metadata of safetensors.

    Raises WeightsError as `read_weights` does.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file of weights")
    try:
        with path.open("rb") as file:
            start = file.read(9)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                is_torch = any(name.endswith("data.pkl") for name in archive.namelist())
                _check_size(path, sum(member.file_size for member in archive.infolist()))
            return (_read_torch(path) if is_torch else _read_npz(path)), {}
        if start[8:] == b"{":
            with safe_open(path, "pt") as opened:
                return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
        if start.startswith(PICKLE):  # torch.save before PyTorch 1.6
            return _read_torch(path), {}
        if (variables := read_tensorflow(path)) is not None:
            return variables, {}
    except WeightsError:
        raise
    except Exception as error:  # readers raise whatever they stumble over; here it is always the file's fault
        raise WeightsError(f"{path}: is broken, so it cannot be read ({told_by(error)}): get the file again") from None
    raise WeightsError(
        f"{path}: is {'not ' if start else 'empty, not '}a file of safetensors, npz, PyTorch or TensorFlow weights"
    )


def _read_npz(path: Path) -> dict[str, Tensor]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise _holds_code(path) from None
        raise


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise _holds_code(path) from None
    if not isinstance(state, dict):
        raise WeightsError(f"{path}: holds no state dict (a mapping of names to tensors)")
    for _ in range(MAX_NESTING):
        state = next((state[key] for key in NESTED if isinstance(state.get(key), dict) and state[key]), state)
    tensors = {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
    if other := next((name for name, value in tensors.items() if not _is_plain(value)), None):
        raise WeightsError(
            f"{path}: {other} is no plain tensor (but sparse, quantised, complex or without values): save it as one"
        )
    _check_size(path, sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()))
    return tensors


def _is_plain(tensor: Tensor) -> bool:
    """Whether it has its values in memory, one by one."""
    is_other = tensor.is_quantized or tensor.is_nested or tensor.is_complex()
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and not is_other


def _check_size(path: Path, size: int) -> None:
    """Raise WeightsError where a file tells of many more bytes than it has: the same ones again, or compressed."""
    length = path.stat().st_size
    if size > _MOST_TIMES * length + _MOST_MORE:
        raise WeightsError(
            f"{path}: has {format_bytes(length)} and would take {format_bytes(size)} in memory, as no weights do: get "
            "the file again, or save it without compression"
        )


def _holds_code(path: Path) -> WeightsError:
    return WeightsError(
        f"{path}: holds something other than tensors, which could run code, so it is not loaded: "
        "save the state dict alone, best as safetensors"
    )
