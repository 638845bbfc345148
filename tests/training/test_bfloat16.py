"""Whole networks in bfloat16: every operation of a step computes what it should, forward and backward.

Libraries get single shapes wrong (see `Conv`), silently: the loss falls all the same, and the model is worse.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from segkit.models.build import build_network
from segkit.models.layers import Conv
from segkit.recipe.config import TrainConfig
from segkit.training.learner import Learner

_SUMS = ("convolution", "upsample", "mean", "relu", "hardtanh", "threshold")
_NORMS = ("native_batch_norm",)
_ROUNDING = torch.finfo(torch.bfloat16).eps / 2  # the most that rounding a number changes it by, as a share of it


class Errors(TorchDispatchMode):
    """Does each operation in float64 too, from the same input, and keeps its error as a share of what is allowed.

    A sum of products a_i b_i may be off by one rounding of sum |a_i b_i| for the result, one where a block or a thread
    rounds its part, and one more for each further tap of a kernel, since the gradient of a picture is often added up
    tap by tap in bfloat16. Of the result itself that is any share, as the terms cancel. The same operation on
    absolute values gives sum |a_i b_i|. A batch norm is no such sum: it works in float32 and rounds its result, for
    which its norm is allowed two roundings.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[float, str]] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = operation.__name__
        if not name.startswith(_SUMS + _NORMS):
            return operation(*args, **kwargs)
        # Before the operation itself, since an activation or a batch norm changes what it is given.
        exact, magnitudes = tree_map(_double, args), tree_map(_magnitude, args)
        right = operation(*exact, **kwargs)
        summed = operation(*magnitudes, **kwargs)
        made = operation(*args, **kwargs)
        shapes = [tuple(x.shape) for x in tree_leaves(args) if isinstance(x, Tensor)]
        for one, other, total in zip(_floating(made), _floating(right), _floating(summed), strict=True):
            error = (one.double() - other).abs()
            if name.startswith(_NORMS):
                error, total = error.norm(), other.norm()
            allowed = (1 + _taps(name, args)) * _ROUNDING * total.clamp(min=1e-30)
            self.found.append(((error / allowed).max().item(), f"{name} {shapes}"))
        return made


class WrongLibrary(TorchDispatchMode):
    """A library as oneDNN is on some processors, on any: it mixes up a gradient's elements, of the right size each."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **kwargs or {})
        if operation.__name__.startswith("convolution_backward"):
            weight, dilation, groups = args[2], args[6], args[9]
            if weight.dtype == torch.bfloat16 and groups > 1 and dilation[0] > 1:
                made = (made[0], made[1].flatten().roll(1).view_as(made[1]), made[2])
        return made


def _taps(name: str, args: tuple[Any, ...]) -> int:
    """The positions of a convolution's kernel; 1 for what has none."""
    if not name.startswith("convolution"):
        return 1
    return args[2 if "backward" in name else 1][0, 0].numel()


def _double(x: object) -> object:
    return x.double() if isinstance(x, Tensor) and x.is_floating_point() else x


def _magnitude(x: object) -> object:
    return x.float().abs() if isinstance(x, Tensor) and x.is_floating_point() else x


def _floating(made: object) -> Iterator[Tensor]:
    return (x for x in tree_leaves(made) if isinstance(x, Tensor) and x.is_floating_point() and x.numel())


def _errors_of_a_step(*, aspp: bool) -> list[tuple[float, str]]:
    """The errors of all operations, the worst first."""
    torch.manual_seed(0)
    network = build_network("mobilenet_v2", classes="abcd", aspp=aspp, output_stride=8, options={"width": 0.25})
    learner = Learner(TrainConfig(precision="bf16", lr=0.1, iterations=10), network, torch.device("cpu"))
    learner.set_learning_rate(5)
    # 257 gives maps of 33 at output stride 8: from 29 on oneDNN's own gradients are wrong.
    images = torch.randint(0, 256, (2, 3, 257, 257), dtype=torch.uint8)
    labels = torch.randint(0, 4, (2, 257, 257), dtype=torch.uint8)
    with WrongLibrary(), Errors() as errors:
        assert learner.step(5, images, labels).taken
    return sorted(errors.found, reverse=True)


def test_each_operation_of_a_step_is_that_of_float64() -> None:
    found = _errors_of_a_step(aspp=True)
    operations = {operation.split(".")[0] for _, operation in found}
    assert {"convolution", "convolution_backward", "native_batch_norm_backward"} <= operations
    worst = found[0]
    assert worst[0] < 1, worst


@pytest.mark.slow  # a test of the test above
def test_a_wrong_gradient_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conv, "_is_dilated_depthwise_learning", lambda conv, x: False)
    worst, operation = _errors_of_a_step(aspp=False)[0]
    assert worst > 3 and operation.startswith("convolution_backward")
