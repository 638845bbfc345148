"""Lets torchvision be imported beside a torch of another build.

A CPU-only torch beside the package index's torchvision, which is built against CUDA, cannot load torchvision's compiled
operators; `import torchvision` then fails with "operator torchvision::nms does not exist", and timm, torchmetrics and
segmentation_models_pytorch, which import it, fail with it. Importing this module first declares the two operators that
torchvision's Python code refers to by name. They are declarations only: calling one still fails. Where torchvision's
own operators can be loaded, nothing is declared.
"""

import contextlib
import importlib.util
from pathlib import Path

import torch

MISSING_OPERATORS = ("nms", "qnms")
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def declare_missing_operators() -> tuple[str, ...]:
    """Declare the operators that torchvision cannot load here, and return their names: () where all are there.

    Does nothing where torchvision is not installed, and nothing when called again.
    """
    spec = importlib.util.find_spec("torchvision")  # finds, and does not import
    if spec is None or spec.origin is None:
        return ()
    # torchvision's own library goes first: it could not be loaded after operators of its names had been declared.
    for library in sorted(Path(spec.origin).parent.glob("_C*.*")):
        with contextlib.suppress(OSError):
            torch.ops.load_library(library)
    missing = tuple(name for name in MISSING_OPERATORS if not hasattr(torch.ops.torchvision, name))
    for name in missing:
        torch.library.define(f"torchvision::{name}", SCHEMA)
    return missing


declare_missing_operators()
