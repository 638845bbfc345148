"""The page of an ablation as text."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from segkit.report.ablation_page import write_ablation_page
from tests.report.pages import HOSTILE, words


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict], str]:
    """A function that writes a page and reads it back."""

    def write(found: dict) -> str:
        write_ablation_page(tmp_path / "new" / "ablation.html", found)
        return (tmp_path / "new" / "ablation.html").read_text(encoding="utf-8")

    return write


def data(page: str, name: str) -> object:
    """The plain data in a page."""
    return json.loads(re.search(rf'<script type="application/json" id="data-{name}">(.*?)</script>', page)[1])


def test_pictures_in_a_folder_are_called_by_its_name(write, ablation: dict) -> None:
    ablation["config"]["data"] |= {"kind": "folder", "root": "sets/camvid"}
    text = words(write(ablation))
    assert "Ablation on camvid" in text and "Data: camvid, split val, 12 pictures." in text


def test_headline_says_what_was_trained(write, ablation: dict) -> None:
    text = words(write(ablation))
    assert "Data: shapes, split val, 12 pictures." in text
    assert "Trained by the recipe, 600 iterations of batch 2 at crop 65: mobilenet_v2, mobilenet_v2_aspp." in text
    assert "600 iterations are a short training" in text
    assert "Best mIoU 74.00 % MobileNetV2 ASPP, OS 16 MF" in text and "Iterations 600" in text
    ablation["given"] = ["mobilenet_v2"]
    text = words(write(ablation))
    assert "at crop 65: mobilenet_v2_aspp. Weights given: mobilenet_v2." in text and "short training" in text
    ablation["given"].append("mobilenet_v2_aspp")
    text = words(write(ablation))
    assert "Trained by the recipe" not in text and "short training" not in text and "Iterations" not in text
    ablation["given"] = []
    ablation["config"]["train"]["iterations"] = 30_000
    assert "short training" not in words(write(ablation))


def test_switches_and_what_they_change(write, ablation: dict) -> None:
    page = write(ablation)
    assert re.findall(r'<input type="radio" name="(\w+)" value="(\d)"( checked)?>', page) == [
        ("backbone", "0", " checked"),
        ("aspp", "0", " checked"),
        ("aspp", "1", ""),
        ("os", "0", " checked"),
        ("mf", "0", " checked"),
        ("mf", "1", ""),
    ]
    assert [cell["at"] for cell in data(page, "cells")] == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1]]
    change = data(page, "changes")["mobilenet_v2-os16_mf"]["mobilenet_v2-os16"]
    assert change == {
        "points": "+1.00 points",
        "interval": "[-0.50, +2.50]",
        "holds": True,
        "costs": ["MAdds x17.2", "time x15"],
    }
    assert not data(page, "changes")["mobilenet_v2_aspp-os16"]["mobilenet_v2-os16"]["holds"]


def test_a_cell_has_its_figures_and_classes(write, ablation: dict) -> None:
    text = words(write(ablation))
    assert "MobileNetV2 ASPP, OS 16 mIoU 73.00 % mIoU" in text
    assert "95 % interval 72.00 to 74.00" in text
    assert "MAdds, TensorFlow 3.0000B MAdds, exact 2.0000B Latency 20 ms cpu Pixel accuracy 90.00 %" in text
    assert "sky 80.0 " in text and "road n/a " in text


def test_charts_number_the_cells_as_the_table_does(write, ablation: dict) -> None:
    ablation["cells"][0] |= {"miou": None, "miou_interval": None, "pixel_accuracy": None}
    page = write(ablation)
    assert page.count("<title>MobileNetV2 ASPP, OS 16: 73% [72%, 74%] at") == 2
    drawn = re.findall(r'<g data-point="([^"]+)">.*?<text[^>]*>(\d)</text>', page)
    assert {(name, int(number)) for name, number in drawn} == {
        ("MobileNetV2, OS 16 MF", 2),
        ("MobileNetV2 ASPP, OS 16", 3),
        ("MobileNetV2 ASPP, OS 16 MF", 4),
    }
    assert "No pixel of the pictures is labelled" in words(page)


def test_effects_claims_machine_and_recipe(write, ablation: dict) -> None:
    page = write(ablation)
    text = words(page)
    assert "MF off to MF on +1.00 [-0.50, +2.50] 2 x17.20 x17.20 x15.00" in text
    assert "MF off to MF on : no difference is shown: it holds 0." in text
    assert '<span class="badge refuted">refuted</span>' in page
    assert "kind: shapes" in text and "torch 2.13.0" in text


def test_a_single_cell_that_nothing_scores(write, ablation: dict) -> None:
    ablation["cells"] = ablation["cells"][:1]
    ablation["cells"][0] |= {"miou": None, "miou_interval": None, "pixel_accuracy": None}
    page = write(ablation | {"effects": []})
    assert "Every switch of this grid has one value" in words(page)
    assert "Best mIoU" not in words(page) and words(page).count("nothing to show") == 2


def test_an_effect_that_is_none(write, ablation: dict) -> None:
    unknown = {"a": None, "b": None, "change": None, "interval": None, "shown": False}
    for effect in ablation["effects"]:
        effect["miou"] = unknown
        for step in effect["steps"]:
            step["miou"] = unknown
    page = write(ablation)
    assert "MF off to MF on n/a" in words(page)
    assert data(page, "changes")["mobilenet_v2-os16_mf"]["mobilenet_v2-os16"]["points"] == "n/a"


def test_what_is_not_ours_stays_text(write, ablation: dict) -> None:
    plain = write(ablation)
    for cell in ablation["cells"]:
        cell["title"] = HOSTILE
        cell["iou"][HOSTILE], cell["iou_intervals"][HOSTILE] = 0.5, None
    ablation["config"]["data"] = {"kind": HOSTILE, HOSTILE: HOSTILE}
    page = write(ablation)
    assert page.count("<script") == plain.count("<script") and "<script>window.hacked" not in page
    assert data(page, "cells")[0]["title"].startswith(HOSTILE)
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
