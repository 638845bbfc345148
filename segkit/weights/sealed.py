"""Tensors and plain data in one safetensors file, sealed by a checksum over both.

The tensors' bytes are most of the file and nothing else guards them: a bit that a disk or a copy turned would be a
weight like any other.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

SEAL = "sha256"


class DamagedError(ValueError):
    """A file is not as it was written."""


def seal(tensors: Mapping[str, Tensor], data: Mapping[str, Any], *, key: str) -> bytes:
    """The bytes of a safetensors file with `data`, as JSON and with its seal, at `key` of the metadata."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    sealed = {**data, SEAL: _digest(plain, data)}
    # One entry: safetensors gives several an order by chance, and equal content is to be equal bytes.
    return save(plain, {key: json.dumps(sealed)})


def unseal(tensors: Mapping[str, Tensor], text: str) -> dict[str, Any]:
    """The data of a file of `seal`; a text without a seal, as earlier versions wrote it, is taken as it is.

    Raises DamagedError where it or a tensor is not as it was written, ValueError or RecursionError where it is no JSON.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    told = data.pop(SEAL, None)
    if told is not None and told != _digest(tensors, data):
        raise DamagedError("its checksum is another")
    return data


def _digest(tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> str:
    """SHA-256 over the data and over name, type, shape and bytes of each tensor, in the order of their names."""
    digest = hashlib.sha256(json.dumps(data).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
