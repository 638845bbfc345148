"""Pages as text: what is in them, and that what is not ours stays text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

from segkit.base.errors import OutputError
from segkit.evaluation.result import Evaluation
from segkit.report.evaluation_page import write_evaluation_page
from segkit.report.html import write_page
from tests.report.pages import HOSTILE

METRICS = [
    {"iteration": 20, "loss": 2.5, "lr": 0.1, "skipped": 0},
    {"iteration": 40, "loss": 9.9, "lr": 0.1, "skipped": 0},
    {"iteration": 40, "loss": 1.5, "lr": 0.05, "skipped": 0},
    {"iteration": 40, "val_miou": 0.625, "val_iou": [0.5, 0.75], "best": True},
]


class Page(HTMLParser):
    """The tags of a page, its visible text, and the data in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: tuple[str, dict] = ("", {})
        self.data: dict[str, object] = {}
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.open = tag, dict(attrs)
        self.tags.append(self.open)

    def handle_endtag(self, tag: str) -> None:
        self.open = "", {}

    def handle_data(self, data: str) -> None:
        tag, attributes = self.open
        if tag == "script" and attributes.get("type") == "application/json":
            self.data[attributes["id"].removeprefix("data-")] = json.loads(data)
        elif tag not in ("script", "style") and data.strip():
            self.words.append(" ".join(data.split()))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture
def page(tmp_path: Path):
    """A function that writes the page of an evaluation and reads it back."""

    def page(evaluated, title: str = "run/best.safetensors", **more) -> Page:
        path = tmp_path / "new" / "page.html"
        result = evaluated.evaluation.to_json()
        write_evaluation_page(path, result, title=title, palette=evaluated.palette, gallery=evaluated.gallery, **more)
        return Page(path.read_text(encoding="utf-8"))

    return page


def test_figures_and_protocol(page, evaluated) -> None:
    made = evaluated(["sky", "road", "car"], [f"{number}.png" for number in range(9)])
    found = page(made)
    result = made.evaluation
    low, high = result.miou_interval
    for text in (
        "run/best.safetensors",
        f"{100 * result.miou:.2f}",
        f"{100 * low:.2f} to {100 * high:.2f}",
        f"{100 * result.pixel_accuracy:.2f}",
        f"{100 * result.mean_accuracy:.2f}",
        "1 min 15 s",
        "0.5, 1",
        "yes",
        "none",
        *(f"{100 * value:.2f}" for value in result.iou.values()),
    ):
        assert text in found.words
    assert {"pictures", "scales", "flip", "window", "weights"} <= set(found.words)
    assert "Training" not in found.words and "Recipe" not in found.words


def test_a_class_row_has_its_colour_accuracies_and_share(page, evaluated) -> None:
    made = evaluated(["sky", "road"], ["0", "1", "2"])
    counts = made.evaluation.confusion.counts
    found = page(made)
    road = found.words.index("road") + 1
    shares = [
        made.evaluation.iou["road"],
        *made.evaluation.iou_intervals["road"],
        counts[1, 1] / counts[1].sum(),
        counts[1, 1] / counts[:, 1].sum(),
        counts[1].sum() / counts.sum(),
    ]
    row = [word for word in found.words[road : road + 8] if re.fullmatch(r"[\d.]+", word)]
    assert row == [f"{100 * share:.2f}" for share in shares]
    assert found.data["classes"] == [["sky", "#000000"], ["road", "#800000"]]


def test_pictures_and_examples_are_data_of_the_page(page, evaluated) -> None:
    made = evaluated(["sky", "road", "car"], [f"{number}.png" for number in range(5)])
    found = page(made)
    assert [row[0] for row in found.data["rows"]] == [f"{number}.png" for number in range(5)]
    assert found.data["rows"][0][1] == made.gallery.rows[0].miou
    assert [example["group"] for example in found.data["examples"]] == ["best", "best", "median", "worst", "worst"]
    assert all(uri.startswith("data:image/webp;base64,") for uri in found.data["thumbnails"])
    assert found.data["confusion"]["counts"] == made.evaluation.confusion.counts.tolist()


def test_curves_and_recipe(page, evaluated) -> None:
    made = evaluated(["sky", "road"], ["0"])
    found = page(made, metrics=METRICS, config={"model": {"backbone": "mobilenet_v2"}, "classes": ["sky", "Straße"]})
    assert {"Loss", "Learning rate", "mIoU on the validation split"} <= set(found.words)
    assert {"2.5 at iteration 20", "1.5 at iteration 40", "62.5% at iteration 40"} <= set(found.words)
    assert not [word for word in found.words if word.startswith("9.9 ")]
    assert "model: backbone: mobilenet_v2 classes: - sky - Straße" in found.words
    assert not [word for word in found.words if "teacher" in word]
    found = page(made, config={"a": "b"}, teacher="T (ImageNet, COCO)")
    assert "Beside the labels it learnt from a teacher: T (ImageNet, COCO)" in found.words


def test_what_is_not_ours_stays_text(page, evaluated) -> None:
    plain = page(evaluated(["a", "b", "c"], ["0", "1", "2"]), metrics=METRICS, config={"a": "b"})
    made = evaluated([HOSTILE + "1", HOSTILE + "2", "c"], [HOSTILE, "1", "2"])
    hostile = replace(made.evaluation, protocol={**made.evaluation.protocol, "weights": HOSTILE})
    made = made._replace(evaluation=hostile)
    found = page(made, title=HOSTILE, metrics=METRICS, config={HOSTILE: HOSTILE}, teacher=HOSTILE)
    assert found.count("script") == plain.count("script")
    assert found.count("b") == plain.count("b")
    assert found.data["rows"][0][0] == HOSTILE and found.data["classes"][0][0] == HOSTILE + "1"
    assert HOSTILE in found.words


def test_a_page_asks_nothing_of_a_network(page, evaluated) -> None:
    found = page(evaluated(["sky", "road"], ["0"]))
    for tag, attributes in found.tags:
        for name in ("src", "href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert "link" not in {tag for tag, _ in found.tags}
    policy = next(attributes["content"] for tag, attributes in found.tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_nothing_to_score(tmp_path: Path) -> None:
    nothing = Evaluation(("sky", "road"), (), {}, 0.0).to_json()
    write_evaluation_page(tmp_path / "page.html", nothing, title="nothing", palette=((0, 0, 0), (128, 0, 0)))
    found = Page((tmp_path / "page.html").read_text())
    assert "n/a" in found.words
    assert any("nothing to score" in word for word in found.words)
    assert "Examples" not in found.words and "Pictures" in found.words


def test_of_many_classes_the_page_says_which_are_shown(page, evaluated) -> None:
    found = page(evaluated([f"class {number}" for number in range(50)], [str(number) for number in range(60)]))
    assert any("Shown are the 40 of 50 classes" in word for word in found.words)
    assert len(found.data["confusion"]["shown"]) == 40


def test_a_name_that_is_no_text_can_be_written(page, evaluated) -> None:
    """What would turn text around or is no text is written as a number, in the text and in the data alike."""
    odd = "bad \udcff\x1b[31m\u202e"
    found = page(evaluated(["sky", f"road {odd}"], [odd]), title=odd)
    assert r"bad \udcff\x1b[31m\u202e" in found.words and r"road bad \udcff\x1b[31m\u202e" in found.words
    assert [name for name, _ in found.data["classes"]] == ["sky", r"road bad \udcff\x1b[31m\u202e"]
    assert found.data["rows"][0][0] == r"bad \udcff\x1b[31m\u202e"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nothing = Evaluation(("sky",), (), {}, 0.0).to_json()
    with pytest.raises(OutputError, match="cannot be written"):
        write_evaluation_page(tmp_path / "file" / "page.html", nothing, title="x", palette=((0, 0, 0),))


def test_a_template_misses_nothing(tmp_path: Path) -> None:
    with pytest.raises(jinja2.UndefinedError):
        write_page(tmp_path / "page.html", "evaluation.html.j2", title="x", data={})
