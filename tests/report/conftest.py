"""What the pages are made of: an evaluation of pictures drawn by hand, a table, an ablation."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from segkit.base.labels import IGNORE, Palette, voc_palette
from segkit.data.dataset import Sample
from segkit.evaluation.counts import count_picture
from segkit.evaluation.gallery import Gallery
from segkit.evaluation.result import Evaluation
from segkit.report.data_page import ShownExample
from segkit.report.gallery import PageGallery, overlaid


class Drawn:
    """A data set of pictures of 60x80 pixels: a rectangle of one class on the first, within a border of IGNORE."""

    def __init__(self, classes: Sequence[str], names: Sequence[str]) -> None:
        self.classes, self.palette, self.ids = tuple(classes), voc_palette(len(classes)), list(names)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        label = np.zeros((60, 80), np.uint8)
        label[20:40, 20:50] = self.of(index)
        label[18:20, 20:50] = IGNORE
        picture = np.random.default_rng(index).integers(0, 256, (60, 80, 3)).astype(np.uint8)
        return Sample(picture, label, self.ids[index])

    def of(self, index: int) -> int:
        """The class of the rectangle."""
        return 1 + index % (len(self.classes) - 1)

    def prediction(self, index: int) -> np.ndarray:
        """Less of the rectangle is found the higher the index; the last column is taken for another class."""
        label = np.zeros((60, 80), np.uint8)
        label[20:40, 20 : 50 - 28 * index // len(self)] = self.of(index)
        label[:, -1] = len(self.classes) - 1
        return label


class Evaluated(NamedTuple):
    """All that a page is made of."""

    evaluation: Evaluation
    gallery: PageGallery
    palette: Palette


@pytest.fixture(scope="session")
def evaluated() -> Callable[..., Evaluated]:
    """A function that evaluates as many pictures as it is given names."""

    def evaluated(classes: Sequence[str], names: Sequence[str]) -> Evaluated:
        dataset = Drawn(classes, names)
        gallery = Gallery(dataset.palette, pictures=len(dataset))
        pictures = []
        for index in range(len(dataset)):
            pictures.append(count_picture(dataset[index], dataset.prediction(index), len(classes)))
            gallery.keep(index, dataset[index], dataset.prediction(index))
        protocol = {"pictures": len(dataset), "scales": [0.5, 1.0], "flip": True, "window": None, "weights": "best"}
        evaluation = Evaluation(tuple(classes), tuple(pictures), protocol, 75.3)
        return Evaluated(evaluation, gallery.details(evaluation, dataset), dataset.palette)

    return evaluated


@pytest.fixture(scope="session")
def make_table() -> Callable[[], dict[str, Any]]:
    """A function that makes a table of three rows, of which two are measured, as `benchmark_table` does."""
    return _table


@pytest.fixture
def table(make_table) -> dict[str, Any]:
    return make_table()


@pytest.fixture(scope="session")
def make_ablation() -> Callable[[], dict[str, Any]]:
    """A function that makes an ablation of MobileNetV2 over ASPP and MF, as `measure_ablation` does."""
    return _ablation


@pytest.fixture
def ablation(make_ablation) -> dict[str, Any]:
    return make_ablation()


@pytest.fixture(scope="session")
def make_check() -> Callable[[str], tuple[dict[str, Any], list[ShownExample]]]:
    """A function that makes a check as `DataCheck.to_json` tells it, with a text in all of its names, and a picture."""
    return _check


def _check(text: str) -> tuple[dict[str, Any], list[ShownExample]]:
    def finding(level: str, file: str, kind: str, split: str = "train") -> dict[str, str]:
        return {"level": level, "file": file, "message": f"{file} is wrong: mend it", "kind": kind, "split": split}

    findings = [finding("error", f"labels/{name}.png", "sizes differ") for name in "ab"]
    findings += [finding("error", text, text), finding("warning", "", "class not in train")]
    findings.append(finding("warning", "c.jpg", "nearly the same picture", "val"))
    split = {"pictures": 3, "beside": [900, 900, 0], "ignored": 100, "sizes": [[40, 30, 3]]}
    check = {
        "classes": ["sky", "road", text],
        "palette": [list(colour) for colour in voc_palette(3)],
        "splits": [
            split | {"name": "train", "pixels": [300, 600, 0], "holding": [2, 3, 0]},
            split | {"name": "val", "pixels": [700, 200, 0], "holding": [3, 1, 0]},
        ],
        "findings": findings,
        "errors": 3,
        "class_weights": [1.5, 0.75, 1.0],
        "seconds": 3.2,
    }
    picture, label = np.full((30, 40, 3), 90, np.uint8), np.ones((30, 40), np.uint8)
    image = overlaid(picture, label, voc_palette(3))
    alone = overlaid(picture, None, voc_palette(3))
    shown = [ShownExample("a", "train", "", ("road", text), image, True)]
    return check, [*shown, ShownExample(text, "val", text, (), alone, False)]


MACHINE = {"processor": "CPU", "cores": 2, "threads": 2, "instructions": "AVX2", "torch": "2.13.0", "segkit": "0.1.0"}
CLAIMS = [
    {"number": number, "text": "A claim.", "verdict": verdict, "numbers": "by 2 times"}
    for number, verdict in enumerate(("confirmed", "refuted", "untestable here"), 1)
]


def _table() -> dict[str, Any]:
    single = _measured(0.742, {"sky": 0.9, "road": 0.5}) | {"difference": -0.0112, "verdict": "within the interval"}
    single["protocol"] |= {"trained_iterations": 300, "kept_at_iteration": 100}
    full = _measured(0.746, {"sky": 0.9, "road": None})
    full |= {"difference": None, "verdict": "not compared: val was seen in training"}
    other = _measured(0.6, {"sky": 0.9, "road": 0.3})
    published = {"madds": 569e6, "parameters": 4.24e6, "top1": 0.709, "top5": 0.899}
    classifier = {"backbone": "mobilenet_v1", "title": "MobileNetV1", "parameters": 4_231_976}
    v1 = {"network": "mobilenet_v1_aspp", "title": "MobileNetV1", "aspp": True}
    v2 = {"network": "mobilenet_v2_aspp", "title": "MobileNetV2", "aspp": True}
    return {
        "size": [513, 513],
        "machine": dict(MACHINE),
        "rows": [
            _row(v1, (8, True), 78.56, (11.1453, 11.15), (990.88, 941.9), note="No count gives 941.9B."),
            _row(v2, (16, False), 75.32, (2.1136, 2.11), (2.748, 2.75), measured=single),
            _row(v2, (8, True), 77.33, (2.1136, None), (152.62, 152.6), measured=full),
        ],
        "pairs": [v2 | {"miou": _change(0.004, -0.001, 0.009)}],
        "wide_head": [
            {"title": "wide", "aspp": True, "output_stride": 8, "mf": True}
            | {"parameters": 12_062_741, "madds_exact": 13.309e9, "madds_tensorflow": 15.142e9}
        ],
        "classifiers": [classifier | {"published": published, "madds_exact": 568_740_352, "note": "No count: 4.24M."}],
        "others": [{"title": "fcn_resnet50", "output_stride": 8, "mf": False, "measured": other}],
        "claims": CLAIMS,
    }


def _row(
    network: dict[str, Any],
    setting: tuple[int, bool],
    miou: float,
    parameters: tuple[float, float | None],
    madds: tuple[float, float],
    *,
    measured: dict[str, Any] | None = None,
    note: str | None = None,
) -> dict[str, Any]:
    """Counted and published: parameters in millions, multiply-adds in billions."""
    return network | {
        "name": f"{network['network']}-os{setting[0]}",
        "output_stride": setting[0],
        "mf": setting[1],
        "published": {
            "miou": miou / 100,
            "parameters": parameters[1] and parameters[1] * 1e6,
            "madds": madds[1] * 1e9,
            "source": "paper",
        },
        "parameters": round(parameters[0] * 1e6),
        "madds_exact": round(madds[0] * 0.9e9),
        "madds_tensorflow": round(madds[0] * 1e9),
        "parameters_ratio": parameters[1] and parameters[0] / parameters[1],
        "madds_ratio": madds[0] / madds[1],
        "parts": {"backbone at 1/8": 1_500_000_000, "logits": 500_000_000},
        "note": note,
        "measured": measured,
        "latency": measured and {"seconds": 0.087, "runs": 30, "threads": 2, "device": "cpu"},
    }


def _measured(miou: float, ious: dict[str, float | None]) -> dict[str, Any]:
    return {
        "miou": miou,
        "miou_interval": [miou - 0.02, miou + 0.02],
        "pixel_accuracy": 0.9,
        "iou": dict(ious),
        "iou_intervals": {name: iou and [iou - 0.1, iou + 0.1] for name, iou in ious.items()},
        "protocol": {"scales": [0.5, 1.0], "flip": True, "precision": "float32"},
        "machine": dict(MACHINE),
    }


def _ablation() -> dict[str, Any]:
    cells = [_cell(aspp, mf) for aspp in (False, True) for mf in (False, True)]
    names = [cell["name"] for cell in cells]
    train = {"iterations": 600, "batch_size": 2, "crop": 65}
    return {
        "axes": ["aspp", "mf"],
        "machine": dict(MACHINE),
        "split": "val",
        "pictures": 12,
        "size": [65, 65],
        "config": {"data": {"kind": "shapes"}, "train": train},
        "given": [],
        "seeds": [0, 1, 2],
        "cells": cells,
        "effects": [
            _effect("aspp", _change(0.03, 0.01, 0.05), 2.0, [names[:3:2], names[1::2]]),
            _effect("mf", _change(0.01, -0.005, 0.025), 17.2, [names[:2], names[2:]]),
        ],
        "claims": CLAIMS,
    }


def _cell(aspp: bool, mf: bool) -> dict[str, Any]:
    miou = 0.70 + 0.03 * aspp + 0.01 * mf
    network = f"mobilenet_v2{'_aspp' if aspp else ''}"
    madds = 10**9 * (3 if aspp else 1) * (17 if mf else 1)
    return {
        "name": f"{network}-os16{'_mf' if mf else ''}",
        "network": network,
        "title": "MobileNetV2",
        "aspp": aspp,
        "output_stride": 16,
        "mf": mf,
        "miou": miou,
        "miou_interval": [miou - 0.01, miou + 0.01],
        "pixel_accuracy": 0.9,
        "iou": {"sky": 0.8, "road": None},
        "iou_intervals": {"sky": [0.7, 0.9], "road": None},
        "madds_exact": madds * 2 // 3,
        "madds_tensorflow": madds,
        "seeds": {"values": [miou, miou, miou], "mean": miou, "deviation": 0.004},
        "latency": {"seconds": 0.02 * (15 if mf else 1), "runs": 30, "threads": 2, "device": "cpu"},
        "protocol": {"flip": mf, "precision": "float32"},
    }


def _effect(axis: str, miou: dict[str, Any], ratio: float, pairs: list[list[str]]) -> dict[str, Any]:
    ratios = {"madds_exact_ratio": ratio, "madds_tensorflow_ratio": ratio, "seconds_ratio": 15.0}
    said = "raises the mIoU" if miou["shown"] else "no difference is shown: it holds 0"
    steps = [{"a": a, "b": b, "miou": dict(miou), **ratios} for a, b in pairs]
    before, after = f"{axis.upper()} off", f"{axis.upper()} on"
    return {"axis": axis, "before": before, "after": after, "miou": miou, **ratios, "verdict": said, "steps": steps} | {
        "seeds": {"values": [0.01] * 3, "mean": 0.01, "deviation": 0.002}
    }


def _change(change: float, low: float, high: float) -> dict[str, Any]:
    return {"a": 0.7, "b": 0.7 + change, "change": change, "interval": [low, high], "shown": low > 0 or high < 0}
