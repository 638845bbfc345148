"""The learning rate at an iteration, and the decay of the moving average."""

from typing import NamedTuple

from segkit.recipe.config import TrainConfig


class Due(NamedTuple):
    """Where a step is on the schedule, in iterations, and how many of them it stands for: 1 but where time runs out."""

    iteration: float
    span: float = 1.0


def learning_rate_share(config: TrainConfig, iteration: float) -> float:
    """The share of every base learning rate that is due at an iteration, counted from 0.

    The poly schedule: `(1 - iteration / iterations) ** power`, after a linear rise over `warmup` iterations. ParseNet
    (https://arxiv.org/abs/1506.04579), used by every DeepLab.
    """
    share = (1 - iteration / config.iterations) ** config.power
    return share * min(1.0, (iteration + 1) / (config.warmup + 1))


def ema_decay(iteration: float, decay: float) -> float:
    """The decay of the moving average at an iteration: small at first, so that early weights are soon forgotten.

    `min(decay, (1 + n) / (10 + n))`, TensorFlow's ExponentialMovingAverage with num_updates.
    """
    return min(decay, (1 + iteration) / (10 + iteration))
