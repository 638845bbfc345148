"""Which device, which number format it computes best in, and what is said where its memory runs out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from segkit.base.errors import ConfigError, DeviceError
from segkit.base.machine import use_available_cores

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """The device called `name`: "auto" is a GPU where there is one. Raises DeviceError where it is not there.

    Torch's threads are from then on no more than the cores that this process may use.
    """
    use_available_cores()
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"{name!r} is no device: choose auto, cpu, cuda, cuda:1 or mps") from None
    counts: dict[str, Callable[[], int]] = {
        "cpu": lambda: 1,
        "cuda": torch.cuda.device_count,
        "mps": lambda: int(torch.backends.mps.is_available()),
    }
    if device.type not in counts or (device.index or 0) >= counts[device.type]():
        raise DeviceError(f"the device {name} is not on this machine: choose auto or cpu")
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The format for autocast: "auto" is bfloat16 where the device has instructions for it, else float32 on a CPU.

    On a CPU without such instructions bfloat16 is emulated, several times slower than float32. Raises ConfigError for
    another name.
    """
    if name in PRECISIONS:
        return PRECISIONS[name]
    if name != "auto":
        raise ConfigError(f"{name!r} is no precision: choose auto, {', '.join(PRECISIONS)}")
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    # A torch built without oneDNN, as for macOS, has not got the function that tells.
    if device.type == "cpu" and torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.bfloat16
    return torch.float32


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """A context in which networks on `device` compute in float16 or bfloat16, or in float32 and then in no less.

    TensorFloat-32, float32 with 10 bits of mantissa, is torch's own choice for convolutions on NVIDIA GPUs, where a
    protocol would call it float32. It is switched off for the whole process: a backward pass comes after the context.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return torch.autocast(device.type, precision, enabled=precision != torch.float32)


@contextmanager
def memory_for(what: str, way_out: str) -> Iterator[None]:
    """Where memory runs out in here, on a GPU or not, it ends in a DeviceError: for `what`, and the `way_out`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch's own error of a GPU is a RuntimeError too
        text = str(error)
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "can't allocate memory" not in text:
            raise
        asked = text.split("\n")[0].rpartition("] ")[2].split(" Error code")[0]
        raise DeviceError(
            f"there is not enough memory for {what} ({asked or 'allocation failed'}): {way_out}"
        ) from None
