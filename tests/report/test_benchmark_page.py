"""The page of the MobileNetV2 paper's table as text."""

import copy
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from segkit.report.benchmark import benchmark_text
from segkit.report.benchmark_page import write_benchmark_page
from tests.report.pages import HOSTILE, words


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict], str]:
    """A function that writes a page and reads it back."""

    def write(table: dict) -> str:
        write_benchmark_page(tmp_path / "new" / "table.html", table)
        return (tmp_path / "new" / "table.html").read_text(encoding="utf-8")

    return write


def test_a_row_has_all_that_is_known(write, table: dict) -> None:
    page = write(table)
    text = words(page)
    assert "MobileNetV2 16 yes no 75.32 paper 74.20 [72.20, 76.20] 300 iterations, kept at 100 -1.12 within" in text
    assert "within the interval 2.114M 2.11M, 1.0017 2.7480B 2.75B, 0.9993" in text
    assert "not compared: val was seen in training" in text and "fcn_resnet50 OS 8 60.00" in text
    assert "MobileNetV1 8 yes yes 78.56 paper unverified 11.145M 11.15M, 0.9996 990.88B 1 941.9B, 1.0520" in text
    assert "87 ms cpu" in text and "2.114M not published" in text
    assert page.count(">not measured</td>") == 1
    assert "Rows measured 2 of 3" in text and "MAdds met within 0.5 % 2 of 3" in text


def test_a_row_opens_to_parts_pair_and_protocol(write, table: dict) -> None:
    page = write(table)
    text = words(page)
    assert "backbone at 1/8: 1.5B (75.0%)" in text
    assert "road 50.00 [40.00, 60.00]" in text and " n/a " in text
    assert "scales 0.5, 1 flip yes" in text
    assert text.count("The mIoU is unverified: no weights of this network were measured.") == 1
    assert "MobileNetV1 ASPP, OS 8 MF: unverified." in text
    controlled = re.findall(r'aria-controls="([^"]+)"', page)
    assert len(controlled) == 3 and all(page.count(f'id="{name}"') == 1 for name in controlled)


def test_a_precision_that_is_not_float32_is_said_above_the_table(write, table: dict) -> None:
    assert "latency in float32" not in words(write(table))
    table = copy.deepcopy(table)
    table["rows"][1]["measured"]["protocol"]["precision"] = "bfloat16"
    assert "interval. mIoU of predictions in bfloat16, latency in float32. A network" in words(write(table))


def test_label_maps_of_others_have_no_output_stride(write, table: dict) -> None:
    (other,) = table["others"]
    protocol = {"pictures": 3, "predictions": "maps", "data": "voc", "split": "val"}
    other |= {
        "title": "theirs",
        "output_stride": None,
        "label_maps": True,
        "measured": other["measured"] | {"protocol": protocol},
    }
    text = words(write(table))
    assert "theirs label maps 60.00" in text
    assert "theirs, label maps: trained on data that are not told" in str(benchmark_text(table))
    other["label_maps"] = False  # a file of another maker's
    assert "theirs OS untold 60.00" in words(write(table))


def test_published_and_measured_points_differ(write, table: dict) -> None:
    page = write(table)
    chart = page[page.index('<section class="card" id="chart"') :]
    assert chart.count('class="twin"') == 2
    assert "<title>MobileNetV2 ASPP, OS 16: 74.2% [72.2%, 76.2%] at 2.748B</title>" in chart
    for row in table["rows"]:
        row["measured"] = None
    assert "nothing was measured: every mIoU is unverified" in words(write(table | {"pairs": []}))


def test_differences_claims_and_footnotes(write, table: dict) -> None:
    page = write(table)
    text = words(page)
    change = "+0.40 [-0.10, +0.90] points: holds 0, no difference is shown"
    assert f"MobileNetV2 ASPP , OS 8 MF against OS 16: {change}" in text
    assert '<span class="badge refuted">refuted</span>' in page
    linked = set(re.findall(r'href="#(note-\d+)"', page))
    assert linked == {"note-1", "note-2"} and all(page.count(f'id="{note}"') == 1 for note in linked)
    assert "OS 8 MF 12.063M 15.142B 13.309B 152.62B" in text
    assert "What OS 8 with MF changes" not in words(write(table | {"pairs": []}))


def test_what_is_not_ours_stays_text(write, table: dict) -> None:
    plain = write(table)
    table = copy.deepcopy(table)
    for row in table["rows"][1:]:
        row["measured"]["iou"][HOSTILE], row["measured"]["iou_intervals"][HOSTILE] = 0.5, None
        row["measured"]["protocol"] |= {HOSTILE: HOSTILE, "weights": HOSTILE}
    table["machine"]["processor"] = HOSTILE
    page = write(table)
    assert page.count("<script") == plain.count("<script") and "<script>window.hacked" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)


def test_a_miou_that_is_none_is_unverified(write, table: dict) -> None:
    table["rows"][1]["measured"] |= {"miou": None, "miou_interval": None}
    text = words(write(table))
    assert "MobileNetV2 16 yes no 75.32 paper unverified" in text and "Rows measured 1 of 3" in text
