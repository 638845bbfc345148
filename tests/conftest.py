"""Fixtures that all tests may use."""

import os
from pathlib import Path

import pytest
import torch

import segkit.weights.vision_ops  # noqa: F401  first, so that torchvision and the oracles on it can be imported

# The suite runs in parallel workers on few cores: more threads than cores would only make them wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real pictures and official weights beside the checkout; the test is skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the folder of real data is not beside the checkout")
    return folder
