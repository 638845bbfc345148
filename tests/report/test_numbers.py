"""How figures are written."""

import math

import pytest

from segkit.report.numbers import (
    difference,
    duration,
    interval,
    latency,
    percent,
    plain,
    points,
    share,
    short,
    short_percent,
    words,
)


def test_numbers_in_few_letters() -> None:
    written = [short(value) for value in (0, 0.007, 12.5, 1250, 30_000, 2_113_557, 3e9)]
    assert written == ["0", "0.007", "12.5", "1,250", "30k", "2.114M", "3B"]
    assert short_percent(0.7254) == "72.54%"


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_what_there_is_not(nothing: float | None) -> None:
    ends = None if nothing is None else (nothing, nothing)
    assert percent(nothing) == points(nothing) == share(nothing, ends) == "n/a"
    assert interval(ends) == ""
    assert difference({"change": nothing, "interval": ends}) == "n/a"


def test_shares_and_their_differences() -> None:
    assert share(0.742, [0.72239, 0.7597]) == "74.20 [72.24, 75.97]"
    assert share(0.742, None) == "74.20" and percent(0.742, 1) == "74.2"
    assert difference({"change": -0.004, "interval": [-0.0101, 0.002]}) == "-0.40 [-1.01, +0.20]"


def test_times() -> None:
    assert [latency(seconds) for seconds in (0.00049, 0.0087, 0.087, 1.9371, 12.46)] == [
        "0.49 ms",
        "8.7 ms",
        "87 ms",
        "1937 ms",
        "12.5 s",
    ]
    assert [duration(seconds) for seconds in (9.46, 59.4, 75.3, 7500)] == ["9.5 s", "59 s", "1 min 15 s", "2 h 5 min"]


def test_values_of_a_protocol() -> None:
    assert [plain(value) for value in (True, None, (0.5, 1.0), [], "val", 12)] == [
        "yes",
        "none",
        "0.5, 1",
        "none",
        "val",
        "12",
    ]
    assert words({"output_stride": 16}) == {"output stride": "16"}
