"""What each of several processes does in test_ranks.py."""

import json
import os
import signal
from functools import cache
from pathlib import Path

import torch

from segkit.base.errors import DataError, StoppedError
from segkit.base.labels import voc_palette
from segkit.base.ranks import Ranks, joined
from segkit.data.dataset import Sample
from segkit.data.shapes import CLASSES, ShapesDataset
from segkit.evaluation.evaluate import evaluate
from segkit.models.batch_norm import BatchNorm2d
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.layers import ConvNormAct
from segkit.recipe.config import Config
from segkit.training import learner
from segkit.training.events import Step
from segkit.training.freezing import batch_norms
from segkit.training.train import train

STOPPED = 14
"""The iteration in which one of two processes is told to end."""
BROKEN, LAST = 2, 3
"""That in which the second process's loss is no number, and the one that such a training ends with."""


class Kept(ShapesDataset):
    """Pictures that are drawn once: forked processes have them."""

    @cache  # noqa: B019  they live as long as the module
    def __getitem__(self, index: int) -> Sample:
        return super().__getitem__(index)


SETS = {"train_set": Kept("train", size=20, side=33), "val_set": Kept("val", size=7, side=33)}


class Stem(ConvNormAct):
    """A backbone of one layer."""

    def __init__(self) -> None:
        super().__init__(3, 8, 3, stride=16)
        self.output_stride, self.out_channels = 16, 8


def tiny() -> DeepLabV3:
    """A network whose step takes next to no time, always the same, with statistics to keep."""
    torch.manual_seed(0)
    network = DeepLabV3(
        Stem(),
        rates=(),
        classes=CLASSES,
        palette=voc_palette(len(CLASSES)),
        mean=(128, 128, 128),
        std=(64, 64, 64),
        architecture={"backbone": "mobilenet_v2", "aspp": False, "options": {}},  # to be saved as one
    )
    for layer in batch_norms(network).values():
        layer.running_mean.normal_(0, 0.1)
        layer.running_var.uniform_(0.5, 2)
    network.fresh = frozenset()
    return network


def recipe(**given) -> Config:
    """Of frozen batch norm."""
    settings = {"iterations": 20, "batch_size": 6, "crop": 33, "lr": 0.02, "precision": "fp32", "device": "cpu"}
    settings |= {"workers": 0, "evaluate_every": 20, "log_every": 1, "batch_norm": "freeze"}
    return Config.model_validate({"train": settings | given})


KINDS = {
    "whole": {"jaccard": 0.5, "class_weights": (1.0, 2.0, 1.0, 1.0, 0.5, 1.0, 1.0)},
    "parts": {"accumulate": 3, "jaccard": 0.5, "ema": 0.9},
}


def normalised(ranks: Ranks) -> list[torch.Tensor]:
    """What batch norm that trains makes of six pictures, its gradients and its statistics: the share of a process."""
    generator = torch.Generator().manual_seed(1)
    x, weights = (torch.randn(6, 4, 3, 2, generator=generator, dtype=torch.float64).float() for _ in range(2))
    layer = BatchNorm2d(4)
    layer.momentum, layer.ranks = 0.1, ranks
    share = list(ranks.share(6))
    own = (x[share] * 3 + 5).requires_grad_()
    made = layer(own)
    (made * weights[share]).sum().backward()
    whole = ranks.total(torch.stack([layer.weight.grad, layer.bias.grad]))
    return [made.detach(), own.grad, whole, layer.running_mean, layer.running_var]


def work(folder: Path, told: dict[str, int | str]) -> None:
    """All that is done by each of several processes, `told` what torchrun tells; to `found.SIZE.RANK.json`."""
    os.environ.update({name: str(value) for name, value in told.items()})
    torch.set_num_threads(1)
    size = int(os.environ["WORLD_SIZE"])
    found = {}
    with joined("cpu") as ranks:
        for kind, given in KINDS.items():
            train(recipe(**given), folder / f"{kind}{size}", network=tiny(), **SETS)
        found["normalised"] = [tensor.tolist() for tensor in normalised(ranks)]
        few = evaluate(tiny().eval(), ShapesDataset("val", size=size - 1, side=33), ranks=ranks)
        found["few"] = [picture.name for picture in few.pictures]
        found |= stopped(folder, ranks) if size == 2 else resumed(folder)
        found |= not_finite(folder, ranks)
        try:
            with ranks.together():
                if ranks.rank == 1:
                    raise DataError("this one alone")
        except DataError as error:
            found["raised"] = str(error)
    (folder / f"found.{size}.{ranks.rank}.json").write_text(json.dumps(found))


def stopped(folder: Path, ranks: Ranks) -> dict:
    """The second process of a training is told to end: both do."""
    step = learner.Learner.step

    def signalled(self, iteration, *arguments):
        if iteration + 1 == STOPPED and ranks.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, iteration, *arguments)

    learner.Learner.step = signalled
    try:
        train(recipe(**KINDS["parts"]), folder / "stopped", network=tiny(), **SETS)
        return {"stopped": None}
    except StoppedError as error:
        return {"stopped": [error.signal, str(error)]}
    finally:
        learner.Learner.step = step


def resumed(folder: Path) -> dict:
    """Three go on with what two began."""
    train(recipe(**KINDS["parts"]), folder / "resumed3", resume=True, network=tiny(), **SETS)
    return {}


def not_finite(folder: Path, ranks: Ranks) -> dict:
    """One process's loss is no number, once."""
    part_loss, heard = learner.part_loss, []
    calls = iter(range(100))

    def broken(*arguments, **given):
        loss = part_loss(*arguments, **given)
        return loss * float("nan") if next(calls) == BROKEN - 1 and ranks.rank == 1 else loss

    learner.part_loss = broken
    listen = lambda event: heard.append(event.skipped) if isinstance(event, Step) else None  # noqa: E731
    result = train(recipe(iterations=LAST), folder / f"broken{ranks.size}", listen=listen, network=tiny(), **SETS)
    learner.part_loss = part_loss
    return {"skipped": result.skipped, "heard": heard}
