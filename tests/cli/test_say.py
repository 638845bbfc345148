"""What is printed: names from outside are shown, and obeyed by nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.base.label_files import save_label
from segkit.base.labels import voc_palette
from segkit.cli.display import Display
from segkit.cli.report import show
from segkit.cli.say import complain, note, say
from segkit.report.sheet import Sheet
from segkit.training.events import Note
from tests.command import run

ODD = "[/b]\x1b[31m:smile:\u202e\udcff"
SHOWN = r"[/b]\x1b[31m:smile:\u202e\udcff"


def test_names_are_shown_as_they_are_but_for_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    say(ODD, "two\nlines")
    note(ODD)
    Display().listen(Note(ODD))
    said = capsys.readouterr().out.splitlines()
    assert said == [SHOWN, r"two\nlines", f"note: {SHOWN}", f"note: {SHOWN}"]
    complain(ODD)
    assert capsys.readouterr().err == f"segkit: {SHOWN}\n"


def test_tables_show_them_in_headings_and_cells(capsys: pytest.CaptureFixture[str]) -> None:
    show([Sheet((ODD, "IoU"), ((ODD, "[red]1[/red]"),)), f"{ODD}\nsecond line"], width=100)
    said = capsys.readouterr().out
    assert said.count(SHOWN) == 3 and "[red]1[/red]" in said and said.endswith("\nsecond line\n")


def test_a_name_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    long = "x" * 5000
    for arguments in (
        ("evaluate", long),
        ("train", "shapes_quickstart", f"model.weights={long}"),
    ):
        said = run(*arguments, cwd=tmp_path, status=1).stderr
        assert said.count("\n") == 1 and "is longer than a name may be" in said


def test_a_root_that_python_cannot_look_for_is_not_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "данные").mkdir()
    recipe = {"data": {"kind": "folder", "root": str(tmp_path / "данные"), "classes": ["a", "b"]}}
    (tmp_path / "r.yaml").write_text(json.dumps(recipe))
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "segkit", "data", "check", str(tmp_path / "r.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **locale})
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "names are ascii, as Python was started: set PYTHONUTF8=1" in done.stderr


def test_a_data_set_of_odd_names_goes_through_all_commands(tmp_path: Path) -> None:
    names = ["[red]x", "b\x1b[31m", "caf\udce9", "x" * 251, "\u202e", "two\nlines"]
    for split in ("train", "val"):
        for number, name in enumerate(names):
            for folder in ("images", "labels"):
                (tmp_path / "data" / folder / split).mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng([number, len(split)]).integers(0, 256, (36, 40, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / f"data/images/{split}/{name}.png")
            save_label(tmp_path / f"data/labels/{split}/{name}.png", np.eye(36, 40, dtype=np.uint8), voc_palette(2))
    data = {"kind": "folder", "root": "data", "classes": [f"one {ODD}", "two\n"]}
    train = {"iterations": 1, "batch_size": 2, "crop": 33, "workers": 0, "precision": "fp32", "device": "cpu"}
    recipe = {"model": {"backbone": "mobilenet_v2", "width": 0.1, "output_stride": 32}, "data": data, "train": train}
    (tmp_path / "r.yaml").write_text(json.dumps(recipe))
    weights, pictures = "run/best.safetensors", "data/images/val"
    for arguments in (
        ("data", "check", "r.yaml", "--html", "check.html"),
        ("data", "show", "r.yaml"),
        ("train", "r.yaml", "--out", "run"),
        ("evaluate", weights, "--json", "e.json", "--html", "e.html"),
        ("compare", "e.json", "e.json"),
        ("predict", weights, pictures, "--out", "out"),
        ("evaluate", "--predictions", "out/labels", "--data", "r.yaml"),
    ):
        done = run(*arguments, cwd=tmp_path)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\ud800-\udfff]", done.stdout + done.stderr), arguments
    assert {path.stem for path in (tmp_path / "out/labels").iterdir()} == set(names)
    for page in ("check.html", "e.html", "run/report.html"):
        text = (tmp_path / page).read_text(encoding="utf-8")
        assert re.search(r"caf\\+udce9", text) and not {"\x1b", "\u202e"} & set(text), page
    assert (
        "'caf\\udce9' cannot stand in a list"
        in run("data", "shrink", "r.yaml", "smaller", "--side", "33", cwd=tmp_path, status=1).stderr
    )
