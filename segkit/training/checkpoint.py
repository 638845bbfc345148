"""The folder of a run: what is in it, and how a training goes on from it.

* config.yaml: the recipe used
* versions.json: the machine, the versions and the command that computed it
* metrics.jsonl: one line a measurement
* best.safetensors, last.safetensors: models
* state.safetensors: all that `--resume` needs: weights, momentum, moving average, counters
"""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn
from torch.optim import Optimizer

from segkit.base.errors import OutputError, WeightsError
from segkit.base.files import make_folder, write_atomically
from segkit.base.machine import describe_machine
from segkit.recipe.config import Config, load_config
from segkit.training.progress import Progress
from segkit.weights.files import read_tensors

# A run may go on with other values of these: they change how fast it is, or what is shown, but not its result.
_FREE = {"workers", "log_every", "device", "tensorboard"}


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.state = self.path / "state.safetensors"
        self.metrics = self.path / "metrics.jsonl"
        self.best = self.path / "best.safetensors"
        self.last = self.path / "last.safetensors"

    def begin(self, config: Config, *, resume: bool) -> None:
        """Make the folder ready for a run, or for going on with the one in it.

        Raises OutputError where the folder cannot be written, holds another run, or (to resume) none, or one of another
        recipe.
        """
        if resume:
            if not self.config.is_file():
                raise OutputError(f"{self.path}: holds no run to resume: leave out --resume to start one")
            self._check_same(config)
        make_folder(self.path)
        if not resume and any(self.path.iterdir()):
            raise OutputError(f"{self.path}: is not empty: give another --out, or --resume to go on with the run in it")
        write_atomically(self.config, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
        versions = describe_machine() | {"command": sys.argv}
        write_atomically(self.path / "versions.json", json.dumps(versions, indent=2) + "\n")

    def _check_same(self, config: Config) -> None:
        before = _flat(load_config(self.config).model_dump(mode="json"))
        now = _flat(config.model_dump(mode="json"))
        for key in now | before:
            if before.get(key) != now.get(key) and key.rpartition(".")[2] not in _FREE:
                raise OutputError(
                    f"{self.path}: was begun with {key}={before.get(key)}, not {now.get(key)}: resume with the same "
                    "recipe, or start a new run in another --out"
                )

    def log(self, **values: Any) -> None:
        """Add a line to metrics.jsonl; numbers that JSON has not got (NaN, infinity) become null."""
        line = json.dumps({key: _plain(value) for key, value in values.items()}, allow_nan=False) + "\n"
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise OutputError(f"{self.metrics}: cannot be written ({error.strerror}): make room for it") from None

    def forget_after(self, iteration: int) -> None:
        """Drop the lines of metrics.jsonl that a resumed run is going to write again, and a last line cut short."""
        kept = [line for line in read_metrics(self.metrics) if line["iteration"] <= iteration]
        write_atomically(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))

    def save_state(self, progress: Progress, model: nn.Module, ema: nn.Module | None, optimizer: Optimizer) -> None:
        """Write all that a resumed run needs, whole or not at all."""
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        if ema is not None:
            tensors |= {f"ema.{name}": tensor for name, tensor in ema.state_dict().items()}
        for name, parameter in model.named_parameters():
            momentum = optimizer.state[parameter].get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{name}"] = momentum
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        write_atomically(self.state, save_safetensors(contiguous, {"progress": json.dumps(asdict(progress))}))

    def load_state(self, model: nn.Module, ema: nn.Module | None, optimizer: Optimizer) -> Progress:
        """Put the saved state back in place; a run that had not saved any starts from the beginning.

        Raises WeightsError for a file that is broken or of another network.
        """
        if not self.state.is_file():
            return Progress()
        tensors, metadata = read_tensors(self.state)
        try:
            progress = Progress(**json.loads(metadata["progress"]))
            model.load_state_dict(_below("model.", tensors))
            if ema is not None:
                ema.load_state_dict(_below("ema.", tensors))
            momentum = _below("momentum.", tensors)
            for name, parameter in model.named_parameters():
                if name in momentum:
                    # In the parameter's own memory layout, as SGD made it.
                    buffer = torch.empty_like(parameter).copy_(momentum[name])
                    optimizer.state[parameter]["momentum_buffer"] = buffer
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise WeightsError(f"{self.state}: is not the state of this run: start again in another --out") from None
        return progress


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics.jsonl; none where there is no such file, and without what is no measurement."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            line = json.loads(text)
        except ValueError:  # a last line cut short
            continue
        if isinstance(line, dict) and isinstance(line.get("iteration"), int):
            lines.append(line)
    return lines


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
