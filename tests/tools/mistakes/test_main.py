"""The program from end to end: broken off, gone on with, reported, written into a page."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from segkit.data.shapes import CLASSES
from segkit.models.build import build_network
from segkit.weights.files import save_model
from tools.mistakes import __main__ as program
from tools.mistakes.__main__ import chosen, main
from tools.mistakes.catalogue import MISTAKES
from tools.mistakes.page import BEGIN, END

SOME = ["imagenet", "per_picture", "bilinear_labels", "symmetric_padding"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, load) -> Path:
    small = load()
    network = build_network(
        "mobilenet_v2",
        classes=CLASSES,
        aspp=False,
        options={"width": 0.25, "padding": "tensorflow", "eps": 1e-3},
        canvas=65,
    )
    network.backbone.load_state_dict(small.backbone.state_dict())
    network.head.load_state_dict(small.head.state_dict())
    torch.nn.init.normal_(network.classifier.weight)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_model(path, network)
    return path


def run(weights: Path, out: Path, *more: str) -> None:
    recipe = ["--data", "configs/shapes_quickstart.yaml", "data.side=49", "data.val_size=3", "--device", "cpu"]
    main([str(weights), *recipe, "--out", str(out), *more])


@pytest.fixture(scope="module")
def whole(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    run(weights, out)
    return out


def test_every_mistake_is_in_the_table_the_plot_and_the_figures(whole: Path) -> None:
    figures = json.loads((whole / "mistakes.json").read_text())
    assert figures["pictures"] == 3
    assert list(figures["mistakes"]) == list(MISTAKES)
    baseline = figures["references"]["baseline"][0]
    assert figures["mistakes"]["bgr"]["a"] == baseline
    assert figures["mistakes"]["scale_1"]["b"] == baseline
    table = (whole / "mistakes.md").read_text()
    assert all(f"| {mistake.title} |" in table for mistake in MISTAKES.values())
    root = ElementTree.fromstring((whole / "mistakes.svg").read_text())
    bars = [node for node in root if node.get("class") in ("lost", "gained", "nothing")]
    assert len(bars) == len(MISTAKES)
    assert all(float(bar.get("x")) >= 300 and float(bar.get("x")) + float(bar.get("width")) <= 690 for bar in bars)


def test_what_was_broken_off_goes_on_where_it_was(weights, whole, tmp_path, monkeypatch, capsys) -> None:
    counted = []
    measure = program.measure_picture

    def stopping(stores, sample, variants):
        if len(counted) == 2:
            raise KeyboardInterrupt
        counted.append(sample.name)
        measure(stores, sample, variants)

    monkeypatch.setattr(program, "measure_picture", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(weights, tmp_path, "--only", *SOME)
    lines = tmp_path / "imagenet.jsonl"
    lines.write_bytes(lines.read_bytes()[:-9])  # as when the machine stopped in the middle of a line
    missing = []
    monkeypatch.setattr(
        program,
        "measure_picture",
        lambda stores, sample, variants: (
            missing.append((sample.name, list(stores))) or measure(stores, sample, variants)
        ),
    )
    run(weights, tmp_path, "--only", *SOME)
    assert missing == [("val_00001", ["imagenet"]), ("val_00002", ["single", "even", "imagenet", "squashed"])]
    found, expected = (json.loads((out / "mistakes.json").read_text())["mistakes"] for out in (tmp_path, whole))
    assert found == {name: expected[name] for name in found}
    assert set(SOME) <= set(found)
    missing.clear()
    monkeypatch.setattr(program, "describe_machine", lambda: {"processor": "where the report is made"})
    run(weights, tmp_path, "--only", *SOME, "--report")
    assert missing == [] and "3 pictures" in capsys.readouterr().out
    reported = json.loads((tmp_path / "mistakes.json").read_text())
    assert reported["machine"] == json.loads((whole / "mistakes.json").read_text())["machine"]  # which measured


def test_pictures_that_were_tried_out_serve_the_whole(weights, whole, tmp_path) -> None:
    run(weights, tmp_path, "--only", "eps", "--limit", "2")
    assert json.loads((tmp_path / "mistakes.json").read_text())["pictures"] == 2
    run(weights, tmp_path, "--only", "eps")
    found, expected = (json.loads((out / "mistakes.json").read_text())["mistakes"] for out in (tmp_path, whole))
    assert found["eps"] == expected["eps"]
    assert chosen(10, 3) == [0, 4, 9] and chosen(10, None) == chosen(10, 20) == list(range(10))


def test_the_table_goes_between_the_marks_of_the_page(weights, whole, tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    for _ in range(2):  # and again over itself
        run(weights, whole, "--report", "--page", str(page))
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n") and text.endswith(f"{END}\nafter\n")
    assert "stale" not in text and text.count("| BGR |") == 1 and "3 pictures of val" in text
    assert (tmp_path / "images" / "mistakes.svg").read_text() == (whole / "mistakes.svg").read_text()
    page.write_text("no marks\n")
    with pytest.raises(SystemExit, match=r"page\.md: has no place for the table"):
        run(weights, whole, "--report", "--page", str(page))
    assert page.read_text() == "no marks\n"


def test_the_page_of_the_docs_has_the_marks_and_a_place_for_each_mistake() -> None:
    text = Path("docs/mistakes.md").read_text(encoding="utf-8")
    assert text.index(BEGIN) < text.index(END)
    words = text[: text.index(BEGIN)] + text[text.index(END) :]  # the table between them names every mistake
    for mistake in MISTAKES.values():
        if mistake.title not in words:  # all scales but the first and the last have one sentence
            assert mistake.title.startswith("MF: scale ")
        else:
            assert f"**{mistake.title}**" in words, mistake.title


def test_wrong_calls_say_so(weights, whole, tmp_path) -> None:
    with pytest.raises(SystemExit, match=r"error: .*missing\.safetensors"):
        run(tmp_path / "missing.safetensors", tmp_path)
    with pytest.raises(SystemExit, match="was measured with split=val, not train: remove it to measure again"):
        run(weights, whole, "--split", "train")
    with pytest.raises(SystemExit):
        run(weights, whole, "--only", "nothing")
