"""The parts that a batch is computed in, with the dropout that each picture is due whatever the parts are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from segkit.base.ranks import Ranks
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.config import TrainConfig


@dataclass(frozen=True)
class Part:
    """Some pictures of a batch: uint8 (N, 3, H, W), their labels (N, H, W), and what decides their dropout.

    `keep` is the mask of segkit's networks, bool (N, C, h, w); others have `seed`.
    """

    images: Tensor
    labels: Tensor
    seed: int
    keep: Tensor | None


def split_batch(
    model: nn.Module, images: Tensor, labels: Tensor, *, config: TrainConfig, iteration: int, ranks: Ranks
) -> list[Part]:
    """What this process has of a batch in parts for `model`, none larger than one of `config.accumulate` of them all.

    Its pictures are every `ranks.size`-th of the batch.
    """
    slots = ranks.share(ranks.size * len(images))
    size = max(1, len(slots) // config.accumulate)
    parts = []
    for first in range(0, len(images), size):
        seeds = [_seed(config.seed, iteration, slot) for slot in slots[first : first + size]]
        keep = _masks(model, images, seeds) if isinstance(model, DeepLabV3) else None
        parts.append(Part(images[first : first + size], labels[first : first + size], seeds[0], keep))
    return parts


@contextmanager
def dropout_of(model: nn.Module, part: Part) -> Iterator[None]:
    """Where a network's forward pass has the dropout of a part, the same each time."""
    if isinstance(model, DeepLabV3):
        model.head.dropout.keep = part.keep
    # torch's own function writes down the stack for each kind of device that is not there, which takes milliseconds.
    seed = torch.default_generator.manual_seed if part.images.device.type == "cpu" else torch.manual_seed
    seed(part.seed)
    try:
        yield
    finally:
        if isinstance(model, DeepLabV3):
            model.head.dropout.keep = None


def _masks(model: DeepLabV3, images: Tensor, seeds: list[int]) -> Tensor:
    """What dropout keeps of the map of each picture: a function of its seed."""
    height, width = (-(-side // model.output_stride) for side in images.shape[-2:])
    shape = height, width, model.head.out_channels  # channels last, as the map is in memory
    generator = torch.Generator(images.device)
    drawn = [torch.rand(shape, generator=generator.manual_seed(seed), device=images.device) for seed in seeds]
    return (torch.stack(drawn) >= model.head.dropout.p).permute(0, 3, 1, 2)


def _seed(seed: int, iteration: int, slot: int) -> int:
    """One seed from three numbers."""
    return int(np.random.SeedSequence((seed, iteration, slot)).generate_state(1)[0])
