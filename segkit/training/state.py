"""All that a run needs to go on, in one file: `write_state` writes it, `read_state` reads it back."""

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from segkit.base.errors import WeightsError
from segkit.base.files import write_atomically
from segkit.base.jsonl import without_nan
from segkit.evaluation.result import Evaluation
from segkit.models.deeplabv3 import DeepLabV3
from segkit.training.learner import Learner
from segkit.version import VERSION
from segkit.weights.lineage import BEHIND
from segkit.weights.metadata import Metadata
from segkit.weights.sealed import DamagedError, seal, unseal

_KEY = "progress"


@dataclass
class Counters:
    """How far a run is.

    `iteration` counts finished iterations, `skipped` those that changed nothing, `bad_in_a_row` the last of these;
    `bad_pictures` are the names of those that were left out; `seconds` are those used of `train.max_minutes`,
    `timed_out` tells that they ended the run. The best model is the one with the highest mean IoU over the classes in
    the validation labels, `best_score` in 0..1; its mIoU is `best_miou`; both are None before the first. `evaluation`
    is the last one as plain data: `iteration`, `val_miou`, `val_iou`, `val_protocol`, and whether it was the `best` so
    far.
    """

    iteration: int = 0
    best_miou: float | None = None
    skipped: int = 0
    bad_in_a_row: int = 0
    bad_pictures: list[str] = field(default_factory=list)
    evaluation: dict[str, Any] | None = None
    best_score: float | None = None
    seconds: float = 0.0
    timed_out: bool = False

    def count(self, *, taken: bool) -> None:
        """One iteration more."""
        self.iteration += 1
        self.skipped += not taken
        self.bad_in_a_row = 0 if taken else self.bad_in_a_row + 1

    def keep(self, evaluation: Evaluation) -> bool:
        """Make this evaluation the last one; whether it is the best so far."""
        # Not the mIoU: a class that is not in the labels counts in it as soon as one pixel is predicted to be of it, so
        # that a network which predicts the background alone may have the highest.
        score = evaluation.confusion.labelled_miou  # NaN where the labels are void everywhere
        miou = evaluation.miou
        best = not math.isnan(score) and (self.best_score is None or score > self.best_score)
        if best:
            self.best_score, self.best_miou = score, miou
        found = {"iteration": self.iteration, "val_miou": miou, "val_iou": evaluation.confusion.iou.tolist()}
        self.evaluation = without_nan(found | {"best": best, "val_protocol": dict(evaluation.protocol)})
        return best


@dataclass(frozen=True)
class State:
    """What stands in the file.

    `network` is None for one that segkit cannot build; `fresh` names the tensors that no starting weights had given,
    and `behind` what those weights had been trained on, None where an older segkit did not write it. `warning` tells
    that it is the state before the newest, which is damaged.
    """

    path: Path
    counters: Counters
    scaler: dict[str, float]
    network: Metadata | None
    fresh: frozenset[str]
    behind: tuple[str, ...] | None
    tensors: dict[str, Tensor]
    warning: str | None = None

    def build_network(self) -> DeepLabV3 | None:
        """The network that was trained, with fresh weights: normalisation, padding and canvas as it began."""
        return None if self.network is None else self.network.weights({}).build_network(self.network.classes)

    def restore(self, learner: Learner) -> None:
        """Make a learner the one that was saved. Raises WeightsError for a file of another run."""
        try:
            learner.load_tensors(self.tensors)
            learner.fresh, learner.behind = self.fresh, self.behind
            if self.scaler:
                learner.scaler.load_state_dict(self.scaler)
        except (KeyError, RuntimeError):
            raise WeightsError(f"{_of_another_run(self.path)}: start again in another --out") from None


def state_before(path: Path) -> Path:
    """Where the state is that was the newest until the one at `path` came."""
    return path.with_name(f"{path.stem}.before{path.suffix}")


def write_state(path: Path, learner: Learner, counters: Counters) -> None:
    """Write weights, moving average, momentum and counters, whole or not at all, and keep the state before."""
    progress = asdict(counters) | {"scaler": learner.scaler.state_dict(), "fresh": sorted(learner.fresh)}
    progress[BEHIND] = learner.behind
    if isinstance(learner.model, DeepLabV3):  # another's network is made again by who gave it
        about = Metadata.of(learner.model, training={}, segkit_version=VERSION)
        progress["network"] = about.model_dump(mode="json")
    data = seal(learner.tensors(), without_nan(progress), key=_KEY)
    write_atomically(path, data, durable=True, before=state_before(path))


def read_state(path: Path) -> State | None:
    """The newest state that is whole, of that in a file and that before it; None where there is none.

    Raises WeightsError where none is whole, or it is no state.
    """
    files = [file for file in (path, state_before(path)) if file.is_file()]
    broken: list[WeightsError] = []
    for file in files:
        try:
            state = _read_state(file)
        except WeightsError as error:
            broken.append(error)
            continue
        warning = f"{broken[0]}; the state before it, {file}, is used" if broken else None
        return replace(state, warning=warning)
    if broken:
        raise WeightsError(f"{broken[0]}: start again in another --out")
    return None


def _read_state(path: Path) -> State:
    try:
        with safe_open(path, "pt") as file:
            tensors, texts = {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
        progress = unseal(tensors, texts[_KEY])
        scaler, network = progress.pop("scaler", {}), progress.pop("network", None)
        fresh, told = frozenset(progress.pop("fresh", ())), progress.pop(BEHIND, None)
        behind = None if told is None else tuple(told)
        progress.setdefault("best_score", progress.get("best_miou"))  # an older segkit chose by the mIoU
        about = None if network is None else Metadata.model_validate(network)
        return State(path, Counters(**progress), scaler, about, fresh, behind, tensors)
    except (DamagedError, OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: is broken, so it cannot be read ({error})") from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise _of_another_run(path) from None


def _of_another_run(path: Path) -> WeightsError:
    return WeightsError(f"{path}: is not the state of this run")
