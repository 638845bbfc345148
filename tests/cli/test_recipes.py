"""`segkit recipes` as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

from segkit.recipe.shipped import shipped_recipes


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "segkit", "recipes", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_lists_each_with_what_it_is_for(tmp_path):
    listed = run("--json", "list.json", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    entries = json.loads((tmp_path / "list.json").read_text())
    assert {entry["name"]: Path(entry["path"]) for entry in entries} == shipped_recipes()
    lines = listed.stdout.splitlines()
    for entry, line in zip(entries, lines[:-1], strict=True):
        assert line.split(maxsplit=1) == [entry["name"], entry["what"]] and entry["what"].endswith(".")
    assert lines[-1].startswith(f"files: {Path(entries[0]['path']).parent};")


def test_prints_one_to_be_copied(tmp_path):
    assert run("own_data", cwd=tmp_path).stdout == shipped_recipes()["own_data"].read_text(encoding="utf-8")
    wrong = run("own_dat", cwd=tmp_path)
    assert wrong.returncode == 2 and "did you mean own_data?" in wrong.stderr
