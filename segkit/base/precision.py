"""The number format that a network computes in."""

import torch


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """A context in which networks on `device` compute in float16 or bfloat16; float32 leaves them as they are."""
    return torch.autocast(device.type, precision, enabled=precision != torch.float32)
