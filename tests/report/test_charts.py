"""Charts: ticks, places, what is told of each mark, and text that stays text."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import Markup

from segkit.report.axes import Scale, fitted
from segkit.report.bars import bar, stacked_bar
from segkit.report.charts import MOST_MARKS, MOST_POINTS, Point, curve, pareto_front, scatter
from segkit.report.matrix import confused_classes, matrix, most_confused

HOSTILE = "</title><script>window.hacked = 1</script>\"'&"


def parsed(chart: Markup) -> ElementTree.Element:
    """The chart as a tree: it is well-formed."""
    return ElementTree.fromstring(chart)


def texts(chart: Markup) -> list[str]:
    return [element.text for element in parsed(chart).iter("text")]


def titles(chart: Markup) -> list[str]:
    return [element.text for element in parsed(chart).iter("title")]


@pytest.mark.parametrize(
    ("values", "ends", "ticks"),
    [
        ([0.512, 0.643], (0.5, 0.65), [0.5, 0.55, 0.6, 0.65]),
        ([0, 2.85], (0, 3), [0, 1, 2, 3]),
        ([7], (6, 8), [6, 6.5, 7, 7.5, 8]),
        ([], (0.9, 1.1), [0.9, 0.95, 1, 1.05, 1.1]),
    ],
)
def test_axes_end_at_round_ticks(values: list[float], ends: tuple[float, float], ticks: list[float]) -> None:
    scale = fitted(values)
    assert (scale.low, scale.high) == pytest.approx(ends)
    assert scale.ticks(4) == pytest.approx(ticks)
    assert scale.at(scale.low) == 0 and scale.at(scale.high) == 100


def test_an_axis_from_zero_and_one_by_logarithms() -> None:
    assert fitted([0.003, 0.007], zero=True).low == 0
    assert fitted([5], zero=True).low == 0
    scale = fitted([1e6, 1e9], log=True)
    assert scale.low < 1e6 and scale.high > 1e9
    assert scale.ticks() == pytest.approx([1e6, 1e7, 1e8, 1e9])
    assert Scale(1, 100, log=True).at(10) == pytest.approx(50)
    assert len(fitted([300, 400], log=True).ticks()) >= 3


def test_a_bar_has_its_whisker_and_tells_its_values() -> None:
    chart = bar(0.74, [0.72, 0.76], label="IoU of bus")
    assert parsed(chart).get("role") == "img"
    assert parsed(chart).get("aria-label") == "IoU of bus: 74% [72%, 76%]" == titles(chart)[0]
    filled = next(each for each in parsed(chart).iter("rect") if each.get("class") == "filled")
    assert filled.get("width") == "74.000%"
    assert len(list(parsed(chart).iter("line"))) == 3
    nothing = bar(None, None, label="IoU of car")
    assert "there is none" in titles(nothing)[0] and 'class="filled"' not in nothing


def test_curves_have_gaps_and_tell_their_points() -> None:
    chart = curve([(1, 3.0), (2, None), (3, 1.0), (4, 0.5)], label="Loss")
    runs = [each.get("points") for each in parsed(chart).iter("polyline")]
    assert len(runs) == 2 and runs[0].startswith("0,0")
    told = [each for each in texts(chart) if " at iteration " in each]
    assert told == ["3 at iteration 1", "1 at iteration 3", "0.5 at iteration 4"]


def test_long_curves_are_thinned() -> None:
    points = [(number, float(number % 2)) for number in range(10 * MOST_POINTS)]
    chart = curve(points, label="Loss")
    (line,) = parsed(chart).iter("polyline")
    assert len(line.get("points").split()) == MOST_POINTS
    assert {place.split(",")[1] for place in line.get("points").split()} == {"50"}
    assert sum(" at iteration " in text for text in texts(chart)) <= MOST_MARKS


@pytest.mark.parametrize("points", [[], [(5, None)]])
def test_a_curve_of_nothing_says_so(points: list[tuple[float, None]]) -> None:
    assert texts(curve(points, label="Loss")) == ["nothing to show"]


def test_the_front_holds_what_nothing_beats() -> None:
    small, good, beaten, slow = (
        Point(1, "a", 1, 0.5),
        Point(2, "b", 2, 0.7),
        Point(3, "c", 3, 0.6),
        Point(4, "d", 9, 0.8),
    )
    assert pareto_front([beaten, slow, good, small]) == [small, good, slow]
    better = Point(2, "b", 1, 0.6)
    assert pareto_front([Point(1, "a", 1, 0.5), better, Point(3, "c", 2, 0.6)]) == [better]


def test_scatter_numbers_its_points_and_tells_their_values() -> None:
    points = [Point(1, "slow", 2e9, 0.65, (0.6, 0.7)), Point(2, "small", 1e8, 0.7, (0.68, 0.72))]
    chart = scatter([*points, Point(3, "large", 1e10, 0.8)], label="mIoU", x_label="MAdds")
    assert titles(chart) == [
        "slow: 65% [60%, 70%] at 2B",
        "small: 70% [68%, 72%] at 100M",
        "large: 80% at 10B",
    ]
    assert texts(chart)[-3:] == ["1", "2", "3"]
    assert chart.count('class="whisker"') == 2
    assert chart.count('class="best"') == 2 and chart.count('class="point"') == 1
    assert texts(scatter([], label="mIoU", x_label="MAdds")) == ["nothing to show"]


def test_scatter_with_twins() -> None:
    points, twins = [Point(1, "slow", 2, 0.6), Point(2, "small", 1, 0.7)], [Point(1, "slow", 3, 0.5, (0.4, 0.6))]
    chart = scatter(points, label="mIoU", x_label="MAdds", twins=twins)
    assert titles(chart) == ["slow: 60% at 2", "slow: 50% [40%, 60%] at 3", "small: 70% at 1"]
    assert texts(chart)[-3:] == ["1", "1", "2"]
    assert chart.count('class="twin"') == chart.count('class="point"') == chart.count('class="best"') == 1
    assert chart.count('data-point="slow"') == 2


def test_parts_of_a_whole() -> None:
    chart = stacked_bar({"backbone": 3e8, "head": 1e8}, label="cost")
    assert titles(chart) == ["backbone: 300M (75.0%)", "head: 100M (25.0%)"]
    assert texts(stacked_bar({"nothing": 0}, label="cost")) == ["nothing to show"]


COUNTS = np.array([[90, 10, 0], [30, 60, 10], [0, 0, 0]])


def test_matrix_rows_are_normalised() -> None:
    chart = matrix(COUNTS, ["sky", "road", "car"], shown=[0, 1, 2], label="Confusion")
    told = [title for title in titles(chart) if "pixels" in title]
    assert told == [
        "sky: 90.00% right (90 pixels)",
        "sky taken for road: 10.00% of its pixels (10)",
        "road taken for sky: 30.00% of its pixels (30)",
        "road: 60.00% right (60 pixels)",
        "road taken for car: 10.00% of its pixels (10)",
    ]
    shades = [float(shade) for shade in re.findall(r'fill-opacity="([\d.]+)"', chart)]
    assert shades == pytest.approx(np.sqrt([0.9, 0.1, 0.3, 0.6, 0.1]), abs=1e-3)


def test_most_confused() -> None:
    assert [(each.truth, each.predicted, each.pixels) for each in most_confused(COUNTS)] == [
        (1, 0, 30),
        (0, 1, 10),
        (1, 2, 10),
    ]
    assert len(most_confused(COUNTS, pairs=1)) == 1
    assert most_confused(np.eye(3, dtype=int)) == []


def test_of_many_classes_those_with_the_most_wrong_pixels_are_shown() -> None:
    counts = np.diag(np.full(50, 1000))
    counts[7, 30], counts[41, 2] = 5, 3
    assert confused_classes(counts, most=3) in ([2, 7, 30], [7, 30, 41])
    assert confused_classes(counts, most=4) == [2, 7, 30, 41]
    assert confused_classes(COUNTS) == [0, 1, 2]


def test_names_stay_text() -> None:
    charts = [
        bar(0.5, None, label=HOSTILE),
        curve([(1, 1.0)], label=HOSTILE, y_format=lambda value: HOSTILE),
        scatter([Point(1, HOSTILE, 1, 1)], label=HOSTILE, x_label=HOSTILE),
        stacked_bar({HOSTILE: 1}, label=HOSTILE),
        matrix(COUNTS, [HOSTILE] * 3, shown=[0, 1, 2], label=HOSTILE),
    ]
    for chart in charts:
        assert parsed(chart).get("aria-label").startswith(HOSTILE)
        assert not list(parsed(chart).iter("script")) and "<script" not in chart
