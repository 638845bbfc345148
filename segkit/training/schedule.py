"""The learning rate at an iteration, and the decay of the moving average."""


def learning_rate(iteration: int, *, base: float, iterations: int, power: float, warmup: int = 0) -> float:
    """The poly schedule: `base * (1 - iteration / iterations) ** power`, after a linear rise over `warmup` iterations.

    `iteration` counts from 0. ParseNet (https://arxiv.org/abs/1506.04579), used by every DeepLab.
    """
    rate = base * (1 - iteration / iterations) ** power
    return rate * min(1.0, (iteration + 1) / (warmup + 1))


def ema_decay(iteration: int, decay: float) -> float:
    """The decay of the moving average at an iteration: small at first, so that early weights are soon forgotten.

    `min(decay, (1 + n) / (10 + n))`, TensorFlow's ExponentialMovingAverage with num_updates.
    """
    return min(decay, (1 + iteration) / (10 + iteration))
