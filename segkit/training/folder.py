"""The folder of a run: what is in it, and who may begin or go on there.

* config.yaml: the recipe that it was begun with, or gone on with where that has more iterations or the data elsewhere
* versions.json: the machine, the versions, the precision and the command that computed it, the fingerprint of its data,
  and what of the recipe was changed; an entry for each time that it was begun or gone on with, oldest first
* metrics.jsonl: one line a measurement
* state.safetensors: all that `--resume` needs; state.before.safetensors: what it was before, for where it is damaged
* best.safetensors, last.safetensors: the networks of the best and of the last evaluation
"""

import glob
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
from segkit.training.lock import LOCK, locked
from segkit.training.log import read_metrics
from segkit.training.state import Counters, State, read_state, state_before

# A run may go on with other values of these: they change how fast it is, what is shown or whether it ends, but not its
# result.
_FREE = {"workers", "log_every", "save_minutes", "device", "tensorboard", "on_bad_picture"}
_LONGER = ("train.iterations", "train.max_minutes")
"""It may go on with more of these, by another schedule."""


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

    @contextmanager
    def held(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Have the folder for this process alone, without what a killed one left half written; see `locked`.

        Where it was not there and nothing was written, it goes again.
        """
        was_there = self.path.is_dir()
        make_folder(self.path)
        try:
            with locked(self.path, tell):
                for name in (self.config, self.versions, self.metrics, self.state, self.best, self.last):
                    for file in self.path.glob(f".{glob.escape(name.name)}.*"):
                        file.unlink(missing_ok=True)
                yield
        finally:
            if not was_there:
                with suppress(OSError):  # not empty
                    self.path.rmdir()

    def check(
        self, config: Config, *, resume: bool, tell: Callable[[str], None] = lambda text: None
    ) -> dict[str, tuple[Any, Any]]:
        """What was changed of a run that is gone on with, and may be: the values before and now, by key.

        A run that was ended before it saved anything is begun anew, with `resume` or without. Raises OutputError where
        the folder holds another run or something else, one of another recipe, or one whose state is gone.
        """
        held = {path.name for path in self.path.iterdir()} - {LOCK} if self.path.is_dir() else set()
        is_new = held <= {self.config.name, self.versions.name, self.metrics.name, "tensorboard"}
        if not held or (is_new and self.config.name in held):
            if resume:
                tell(f"{self.path}: nothing was saved in it, so it starts from the beginning")
        elif not resume:
            raise OutputError(f"{self.path}: is not empty: give another --out, or --resume to go on with the run in it")
        elif self.config.name not in held:
            raise OutputError(f"{self.path}: holds no run to resume: leave out --resume to start one, in another --out")
        elif not held & {self.state.name, state_before(self.state).name}:
            raise OutputError(
                f"{self.state}: is not there, so the run cannot go on: start a new one in another --out, from what it "
                f"has reached with model.weights={self.last if self.last.name in held else self.best}"
            )
        if not held:
            return {}
        before = _flat(config_from(read_recipe(self.config), source=str(self.config)).plain())
        now = _flat(config.plain())
        changed: dict[str, tuple[Any, Any]] = {
            key: (before.get(key), now.get(key)) for key in now | before if before.get(key) != now.get(key)
        }
        for key, (was, value) in changed.items():
            given = was is not None and value is not None
            longer = given and key in _LONGER and value > was
            moved = given and key == "data.root"
            if not (longer or moved or key.rpartition(".")[2] in _FREE):
                raise OutputError(
                    f"{self.path}: was begun with {key}={was}, not {value}: resume with the same recipe, or "
                    "start a new run in another --out"
                )
        return {key: changed[key] for key in (*_LONGER, "data.root") if key in changed}

    def read(self, tell: Callable[[str], None]) -> State | None:
        """The state to go on from, if there is one. Raises WeightsError for one that is broken."""
        state = read_state(self.state)
        if state is None:
            return None
        if state.warning is not None:
            tell(state.warning)
        best = state.counters.best_score
        if best is not None and not self.best.is_file() and not self.is_unpublished(state.counters):
            tell(f"{self.best} is not there any more: the next evaluation is taken for the best so far")
            state.counters.best_score = state.counters.best_miou = None
        return state

    def is_unpublished(self, counters: Counters) -> bool:
        """Whether a run ended between the state with an evaluation in it and the evaluation's line."""
        if counters.evaluation is None or counters.evaluation["iteration"] < counters.iteration:
            return False
        lines = read_metrics(self.metrics)
        return not any("val_miou" in line and line["iteration"] == counters.iteration for line in lines)

    def begin(
        self,
        config: Config,
        *,
        iteration: int,
        precision: torch.dtype,
        data: str,
        changed: dict[str, tuple[Any, Any]],
        processes: int = 1,
    ) -> list[str]:
        """Write down the recipe, if it is not there or was `changed`, and what computes from `iteration` on.

        `data` is the fingerprint of the data sets. What is different from the last time, and may change the result, is
        returned in words. Raises OutputError where the folder cannot be written, and where the data lie elsewhere and
        are not the same.
        """
        make_folder(self.path)
        if not self.config.is_file():
            self._write_recipe(config)
        entries = read_versions(self.versions)
        before = entries[-1] if entries else {}
        if "data.root" in changed and before.get("data") != data:
            was, now = changed["data.root"]
            why = (
                "other names or sizes of files" if "data" in before else "maybe other files, as it kept no fingerprint"
            )
            raise OutputError(
                f"{self.path}: was begun with data.root={was}, and {now} has {why}: resume with the data that it was "
                "begun with, or start a new run in another --out"
            )
        if before.get("data", data) != data:
            raise OutputError(
                f"{self.path}: names or sizes of the data's files are not those that it was begun with: put them back, "
                "or start a new run in another --out"
            )
        entry = describe_machine() | {
            "precision": str(precision).removeprefix("torch."),
            "data": data,
            "processes": processes,
            **({"changed": changed} if changed else {}),
            "command": sys.argv,
            "iteration": iteration,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_atomically(self.versions, json.dumps([*entries, entry], indent=2) + "\n")
        if changed:  # last, so that a run killed in between notices it again
            self._write_recipe(config)
        return [_told(key, was, now, iteration) for key, (was, now) in changed.items()] + [
            f"{key} is {entry[key]} now and was {before[key]}: the result differs from that of one run"
            for key in ("precision", "torch")
            if key in before and before[key] != entry[key]
        ]

    def _write_recipe(self, config: Config) -> None:
        write_atomically(self.config, yaml.safe_dump(config.plain(), sort_keys=False))


def _told(key: str, was: Any, now: Any, iteration: int) -> str:
    """What it means that a key was changed."""
    if key == "data.root":
        return f"data.root is {now} now and was {was}: the names and sizes of the files are the same"
    return (
        f"{key} is {now} now and was {was}: the learning rate follows the schedule of {now} from iteration {iteration} "
        "on, so the result differs from that of one run"
    )


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
