"""Whole networks in bfloat16: every operation of a step computes what it should, forward and backward.

Libraries get single shapes wrong (see `Conv`), silently: the loss falls all the same, and the model is worse.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from segkit.models.build import build_network
from segkit.recipe.config import TrainConfig
from segkit.training.learner import Learner

_COMPARED = ("convolution", "native_batch_norm", "upsample", "mean", "relu", "hardtanh")


class Errors(TorchDispatchMode):
    """Does each operation in float64 too, from the same input, and keeps how far apart the two are."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[float, str]] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not operation.__name__.startswith(_COMPARED):
            return operation(*args, **kwargs)
        # Before the operation itself, since an activation or a batch norm changes what it is given.
        right = operation(*tree_map(_double, args), **tree_map(_double, kwargs))
        made = operation(*args, **kwargs)
        shapes = [tuple(x.shape) for x in tree_leaves(args) if isinstance(x, Tensor)]
        for one, other in zip(_floating(made), _floating(right), strict=True):
            error = (one.double() - other).norm() / other.norm().clamp(min=1e-12)
            self.found.append((error.item(), f"{operation.__name__} {shapes}"))
        return made


def _double(x: object) -> object:
    return x.double() if isinstance(x, Tensor) and x.is_floating_point() else x


def _floating(made: object) -> Iterator[Tensor]:
    return (x for x in tree_leaves(made) if isinstance(x, Tensor) and x.is_floating_point() and x.numel())


def test_each_operation_of_a_step_is_that_of_float64() -> None:
    torch.manual_seed(0)
    network = build_network("mobilenet_v2", classes="abcd", aspp=True, output_stride=8, options={"width": 0.25})
    learner = Learner(TrainConfig(precision="bf16", lr=0.1, iterations=10), network, torch.device("cpu"))
    learner.set_learning_rate(5)
    # 257 gives maps of 33 at output stride 8: from 29 on oneDNN's own gradients are wrong.
    images = torch.randint(0, 256, (2, 3, 257, 257), dtype=torch.uint8)
    labels = torch.randint(0, 4, (2, 257, 257), dtype=torch.uint8)
    with Errors() as errors:
        assert learner.step(5, images, labels).taken
    operations = {operation.split(".")[0] for _, operation in errors.found}
    assert {"convolution", "convolution_backward", "native_batch_norm_backward"} <= operations
    worst = max(errors.found)
    assert worst[0] < 0.01, worst  # rounding to bfloat16 is 0.4 %
