"""`segkit recipes` as a user runs it."""

import json
from pathlib import Path

from segkit.recipe.shipped import shipped_recipes
from tests.command import run


def test_lists_each_with_what_it_is_for(tmp_path):
    listed = run("recipes", "--json", "list.json", cwd=tmp_path)
    entries = json.loads((tmp_path / "list.json").read_text())
    assert {entry["name"]: Path(entry["path"]) for entry in entries} == shipped_recipes()
    lines = listed.stdout.splitlines()
    for entry, line in zip(entries, lines[:-1], strict=True):
        assert line.split(maxsplit=1) == [entry["name"], entry["what"]] and entry["what"].endswith(".")
    assert lines[-1].startswith(f"files: {Path(entries[0]['path']).parent};")


def test_prints_one_to_be_copied(tmp_path):
    assert run("recipes", "own_data", cwd=tmp_path).stdout == shipped_recipes()["own_data"].read_text(encoding="utf-8")
    wrong = run("recipes", "own_dat", cwd=tmp_path, status=2)
    assert "did you mean own_data?" in wrong.stderr
