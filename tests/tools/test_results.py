"""The tables of results are what the kept evaluations give."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segkit.base.files import write_plain
from segkit.benchmark.table import benchmark_table
from segkit.evaluation.counts import PictureCounts
from segkit.evaluation.result import Evaluation, read_evaluation
from tests.command import call
from tools import results
from tools.results import MOST_BYTES, ROOT, keep, kept_block, main, rows_block, unmarked_tables

PROTOCOL = {
    "network": "mobilenet_v2",
    "output_stride": 16,
    "scales": [1.0],
    "flip": False,
    "window": None,
    "precision": "float32",
    "weights": "/somewhere/w.safetensors",
}


def test_the_pages_are_what_is_kept() -> None:
    call(main, "--check", cwd=ROOT)
    for path in (ROOT / "docs" / "results" / "evaluations").glob("*"):
        assert path.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "results").glob("*.md")), ids=lambda page: page.stem)
def test_every_measured_page_names_its_commit(page: Path) -> None:
    assert re.search(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,10}\b", page.read_text(encoding="utf-8"))
    assert "ommit" in page.read_text(encoding="utf-8")


def evaluation(pictures: int = 3) -> Evaluation:
    counts = tuple(PictureCounts(str(n), np.array([0, 1, 3]), np.array([90 + n, 10, 50])) for n in range(pictures))
    machine = {
        "commit": "abc",
        "command": "segkit evaluate /somewhere/w.safetensors --data a.yaml data.root=/x/VOC2012",
    }
    return Evaluation(("a", "b"), counts, PROTOCOL, 1.0, machine)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of pages alone, with one kept evaluation."""
    results = tmp_path / "docs" / "results"
    shutil.copytree(ROOT / "docs" / "results" / "table", results / "table")
    shutil.copy(ROOT / "docs" / "results" / "speed.json", results)
    write_plain(tmp_path / "new.json", json.dumps(evaluation().to_json()))
    (tmp_path / "README.md").write_text("before\n<!-- results: kept -->\nstale\n<!-- end of results -->\nafter\n")
    return tmp_path


@pytest.mark.slow
def test_a_figure_that_was_changed_by_hand_is_found(checkout: Path) -> None:
    call(main, "--root", checkout, "--keep", checkout / "new.json", "mobilenet_v2-os16", cwd=ROOT)
    page = checkout / "README.md"
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "stale" not in text
    assert "| MobileNetV2, OS 16 | w.safetensors | 86." in text and "| float32 | abc |" in text
    call(main, "--root", checkout, "--check", cwd=ROOT)
    page.write_text(text.replace("| 86.", "| 87."))
    changed = call(main, "--root", checkout, "--check", cwd=ROOT, status=1)
    assert "is not what the kept evaluations give" in changed.stderr
    assert "| 87." in page.read_text()


def test_folders_of_the_machine_are_not_kept(tmp_path: Path) -> None:
    taught = evaluation()
    taught = replace(taught, protocol={**taught.protocol, "taught_by": "/somewhere/teacher.safetensors"})
    write_plain(tmp_path / "new.json", json.dumps(taught.to_json()))
    keep(tmp_path / "new.json", tmp_path / "kept" / "a.json.gz")
    keep(tmp_path / "new.json", tmp_path / "kept" / "b.json.gz")
    assert (tmp_path / "kept" / "a.json.gz").read_bytes() == (tmp_path / "kept" / "b.json.gz").read_bytes()
    kept = read_evaluation(tmp_path / "kept" / "a.json.gz")
    assert kept.machine["command"] == "segkit evaluate w.safetensors --data a.yaml data.root=VOC2012"
    assert kept.protocol["weights"] == "w.safetensors" and kept.protocol["taught_by"] == "teacher.safetensors"
    assert kept.miou_interval == evaluation().miou_interval


def test_label_maps_are_kept_by_the_name_of_their_folder(tmp_path: Path) -> None:
    of_maps = {"pictures": 3, "predictions": "/somewhere/maps", "data": "voc", "split": "val"}
    write_plain(tmp_path / "new.json", json.dumps(replace(evaluation(), protocol=of_maps).to_json()))
    keep(tmp_path / "new.json", tmp_path / "kept.json.gz")
    kept = read_evaluation(tmp_path / "kept.json.gz")
    assert dict(kept.protocol) == of_maps | {"predictions": "maps"}
    table = benchmark_table(others={"theirs": kept})
    assert "| theirs | maps | " in kept_block(table) and "| label maps | abc |" in kept_block(table)
    assert "| MobileNetV2 | 8 | yes | yes | `--os 8 --mf` | 78.42 | unverified | - | - | - |" in rows_block(table)


def test_a_table_that_is_not_marked_is_found() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n"
    assert unmarked_tables(f"text\n\n{table}") == ["| a | b |"]
    assert unmarked_tables(f"text\n\n<!-- typed: from the run named here -->\n{table}") == []
    assert unmarked_tables(f"<!-- results: kept -->\n{table}<!-- end of results -->\n") == []


def test_what_is_measured_replaces_what_is_kept_when_all_of_it_is_there(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "table").mkdir()
    kept = tmp_path / "table" / "latencies.json", tmp_path / "speed.json"
    for file in kept:
        file.write_text("kept\n")

    def compare(command: list[str], **_: object) -> None:
        if command[2] == "tools.compare_peers":
            assert [file.read_text() for file in kept] == ["kept\n"] * 2  # so that git calls the checkout clean
            Path(command[-1]).write_text("speed\n")

    monkeypatch.setattr(results, "measure_latencies", lambda device, path, tell: path.write_text("latencies\n"))
    monkeypatch.setattr(results.subprocess, "run", compare)
    results.measure_machine(tmp_path)
    assert [file.read_text() for file in kept] == ["latencies\n", "speed\n"]
