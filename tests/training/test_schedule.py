"""The learning rate and the decay of the moving average at given iterations."""

import pytest

from segkit.training.schedule import ema_decay, learning_rate


def test_poly():
    rates = [learning_rate(n, base=0.007, iterations=100, power=0.9) for n in (0, 50, 99, 100)]
    assert rates == pytest.approx([0.007, 0.007 * 0.5**0.9, 0.007 * 0.01**0.9, 0])
    assert [learning_rate(n, base=2, iterations=4, power=1) for n in range(5)] == pytest.approx([2, 1.5, 1, 0.5, 0])
    assert [learning_rate(n, base=2, iterations=4, power=0) for n in range(4)] == [2, 2, 2, 2]


def test_warm_up_rises_in_even_steps_to_the_poly_curve():
    rates = [learning_rate(n, base=1, iterations=100, power=0, warmup=4) for n in range(6)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    assert learning_rate(3, base=1, iterations=10, power=1, warmup=4) == pytest.approx(0.8 * 0.7)
    assert learning_rate(7, base=1, iterations=10, power=1, warmup=4) == pytest.approx(0.3)


def test_ema_decay():
    assert [ema_decay(n, 0.99) for n in (0, 8, 90)] == pytest.approx([1 / 10, 9 / 18, 91 / 100])
    assert ema_decay(889, 0.99) == pytest.approx(890 / 899) and ema_decay(891, 0.99) == 0.99 == ema_decay(10**6, 0.99)
    assert ema_decay(5, 0) == 0
