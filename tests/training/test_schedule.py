"""The learning rate and the decay of the moving average at given iterations."""

import pytest

from segkit.recipe.config import TrainConfig
from segkit.training.schedule import ema_decay, learning_rate_share


def shares(numbers, **train) -> list[float]:
    return [learning_rate_share(TrainConfig(**train), number) for number in numbers]


def test_poly():
    assert shares((0, 50, 99, 100), iterations=100, power=0.9) == pytest.approx([1, 0.5**0.9, 0.01**0.9, 0])
    assert shares(range(5), iterations=4, power=1) == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert shares(range(4), iterations=4, power=0) == [1, 1, 1, 1]


def test_warm_up_rises_in_even_steps_to_the_poly_curve():
    assert shares(range(6), iterations=100, power=0, warmup=4) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    assert shares((3, 7), iterations=10, power=1, warmup=4) == pytest.approx([0.8 * 0.7, 0.3])


def test_ema_decay():
    assert [ema_decay(n, 0.99) for n in (0, 8, 90)] == pytest.approx([1 / 10, 9 / 18, 91 / 100])
    assert ema_decay(889, 0.99) == pytest.approx(890 / 899) and ema_decay(891, 0.99) == 0.99 == ema_decay(10**6, 0.99)
    assert ema_decay(5, 0) == 0
