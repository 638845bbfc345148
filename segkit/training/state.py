"""All that a run needs to go on, in one file: `write_state` writes it, `read_state` reads it back."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pydantic
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors

from segkit.base.errors import WeightsError
from segkit.base.files import write_atomically
from segkit.evaluation.result import Evaluation
from segkit.models.deeplabv3 import DeepLabV3
from segkit.training.learner import Learner
from segkit.training.log import plain
from segkit.version import VERSION
from segkit.weights.files import read_tensors
from segkit.weights.metadata import Metadata


@dataclass
class Counters:
    """How far a run is.

    `iteration` counts finished iterations, `skipped` those that changed nothing, `bad_in_a_row` the last of these. The
    best model is the one with the highest mean IoU over the classes in the validation labels, `best_score` in 0..1; its
    mIoU is `best_miou`; both are None before the first. `evaluation` is the last one as plain data: `iteration`,
    `val_miou`, `val_iou`, `val_protocol`, and whether it was the `best` so far.
    """

    iteration: int = 0
    best_miou: float | None = None
    skipped: int = 0
    bad_in_a_row: int = 0
    evaluation: dict[str, Any] | None = None
    best_score: float | None = None

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
        best = self.best_score is None or score > self.best_score
        if best and not math.isnan(score):
            self.best_score, self.best_miou = score, miou
        found = {"iteration": self.iteration, "val_miou": miou, "val_iou": evaluation.confusion.iou.tolist()}
        self.evaluation = plain(found | {"best": best, "val_protocol": dict(evaluation.protocol)})
        return best


@dataclass(frozen=True)
class State:
    """What stands in the file beside the tensors.

    `network` is None for one that segkit cannot build; `fresh` names the tensors that no starting weights had given.
    """

    path: Path
    counters: Counters
    scaler: dict[str, float]
    network: Metadata | None
    fresh: frozenset[str]

    def build_network(self) -> DeepLabV3 | None:
        """The network that was trained, with fresh weights: normalisation, padding and canvas as it began."""
        return None if self.network is None else self.network.weights({}).build_network(self.network.classes)

    def restore(self, learner: Learner) -> None:
        """Make a learner the one that was saved. Raises WeightsError for a file that is broken or of another run."""
        tensors, _ = read_tensors(self.path)
        try:
            learner.load_tensors(tensors)
            learner.fresh = self.fresh
            if self.scaler:
                learner.scaler.load_state_dict(self.scaler)
        except (KeyError, RuntimeError):
            raise _of_another_run(self.path) from None


def write_state(path: Path, learner: Learner, counters: Counters) -> None:
    """Write weights, moving average, momentum and counters, whole or not at all."""
    progress = asdict(counters) | {"scaler": learner.scaler.state_dict(), "fresh": sorted(learner.fresh)}
    if isinstance(learner.model, DeepLabV3):  # another's network is made again by who gave it
        about = Metadata.of(learner.model, training={}, segkit_version=VERSION)
        progress["network"] = about.model_dump(mode="json")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in learner.tensors().items()}
    # One entry: safetensors gives several an order by chance, and equal states are equal files.
    write_atomically(path, save_safetensors(tensors, {"progress": json.dumps(progress)}))


def read_state(path: Path) -> State | None:
    """The state in a file; None where there is none. Raises WeightsError for a file that is broken or no state."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        progress = json.loads(metadata["progress"])
        scaler, network = progress.pop("scaler", {}), progress.pop("network", None)
        fresh = frozenset(progress.pop("fresh", ()))
        progress.setdefault("best_score", progress.get("best_miou"))  # an older segkit chose by the mIoU
        about = None if network is None else Metadata.model_validate(network)
        return State(path, Counters(**progress), scaler, about, fresh)
    except SafetensorError as error:
        raise WeightsError(f"{path}: is broken, so it cannot be read ({error}): start again in another --out") from None
    except (KeyError, TypeError, ValueError, AttributeError, pydantic.ValidationError):
        raise _of_another_run(path) from None


def _of_another_run(path: Path) -> WeightsError:
    return WeightsError(f"{path}: is not the state of this run: start again in another --out")
