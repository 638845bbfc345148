"""Each case runs in a Python of its own: what is imported, and in which order, is the point."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORACLES = "torchvision, timm, segmentation_models_pytorch, torchmetrics"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def matching_builds() -> bool:
    """Whether this torch and torchvision were built alike, so that nothing has to be declared."""
    done = run("import torchvision")
    assert done.returncode == 0 or "torchvision::nms does not exist" in done.stderr, done.stderr
    return done.returncode == 0


def test_oracles_import_after_it():
    done = run(f"import segkit.weights.vision_ops; import {ORACLES}")
    assert done.returncode == 0, done.stderr


def test_declares_only_what_is_missing(matching_builds):
    # nms stands already, under a schema to know it by; a torchvision that can load its own would be in the way of it.
    stands = "torch.library.define('torchvision::nms', '(Tensor mine) -> Tensor')" if not matching_builds else "0"
    show = "print(torch.ops.torchvision.nms.default._schema, torch.ops.torchvision.qnms.default._schema)"
    again = "print(segkit.weights.vision_ops.declare_missing_operators())"
    done = run(f"import torch; {stands}; import segkit.weights.vision_ops; {show}; {again}")
    assert done.returncode == 0, done.stderr
    schemas, second_call = done.stdout.splitlines()
    assert ("Tensor mine" in schemas) == (not matching_builds)
    assert "torchvision::qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" in schemas
    assert second_call == "()"


def test_needs_no_torchvision():
    done = run("import sys; sys.modules['torchvision'] = None; import segkit.weights.vision_ops")
    assert done.returncode == 0, done.stderr
