"""The folder of a run: what is in it, and who may begin or go on there.

* config.yaml: the recipe that it was begun with
* versions.json: the machine, the versions, the precision and the command that computed it; an entry for each time that
  it was begun or gone on with, oldest first
* metrics.jsonl: one line a measurement
* state.safetensors: all that `--resume` needs
* best.safetensors, last.safetensors: the networks of the best and of the last evaluation
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import yaml

from segkit.base.errors import OutputError
from segkit.base.files import make_folder, write_atomically
from segkit.base.machine import describe_machine
from segkit.recipe.config import Config
from segkit.recipe.reading import config_from, read_recipe

# A run may go on with other values of these: they change how fast it is, or what is shown, but not its result.
_FREE = {"workers", "log_every", "save_minutes", "device", "tensorboard"}


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.versions = self.path / "versions.json"
        self.metrics = self.path / "metrics.jsonl"
        self.state = self.path / "state.safetensors"
        self.best = self.path / "best.safetensors"
        self.last = self.path / "last.safetensors"

    def check(self, config: Config, *, resume: bool) -> None:
        """Raise OutputError where the folder holds another run, or (to resume) none, or one of another recipe."""
        if not resume:
            if self.path.is_dir() and any(self.path.iterdir()):
                raise OutputError(
                    f"{self.path}: is not empty: give another --out, or --resume to go on with the run in it"
                )
            return
        if not self.config.is_file():
            raise OutputError(f"{self.path}: holds no run to resume: leave out --resume to start one")
        before = _flat(config_from(read_recipe(self.config), source=str(self.config)).plain())
        now = _flat(config.plain())
        for key in now | before:
            if before.get(key) != now.get(key) and key.rpartition(".")[2] not in _FREE:
                raise OutputError(
                    f"{self.path}: was begun with {key}={before.get(key)}, not {now.get(key)}: resume with the same "
                    "recipe, or start a new run in another --out"
                )

    def begin(self, config: Config, *, iteration: int, precision: torch.dtype) -> list[str]:
        """Write down the recipe, if it is not there, and what computes from `iteration` on.

        What is different from the last time, and may change the result, is returned in words. Raises OutputError where
        the folder cannot be written.
        """
        make_folder(self.path)
        if not self.config.is_file():
            write_atomically(self.config, yaml.safe_dump(config.plain(), sort_keys=False))
        entries = read_versions(self.versions)
        entry = describe_machine() | {
            "precision": str(precision).removeprefix("torch."),
            "command": sys.argv,
            "iteration": iteration,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_atomically(self.versions, json.dumps([*entries, entry], indent=2) + "\n")
        before = entries[-1] if entries else {}
        return [
            f"{key} is {entry[key]} now and was {before[key]}: the result differs from that of one run"
            for key in ("precision", "torch")
            if key in before and before[key] != entry[key]
        ]


def read_versions(path: Path) -> list[dict[str, Any]]:
    """The entries of a versions.json, oldest first; none where there is no such file. OutputError for a broken one."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    except ValueError:
        raise OutputError(f"{path}: is not JSON: correct it, or take it away") from None
    return entries if isinstance(entries, list) else [entries]  # one alone, as segkit wrote it once


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
