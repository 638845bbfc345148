"""What a training writes while it runs: its state, the models that an evaluation is worth, and its measurements."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from segkit.base.errors import OutputError, SegkitError
from segkit.base.files import check_room
from segkit.recipe.config import Config
from segkit.training.events import Listener, Note, Step
from segkit.training.folder import RunFolder
from segkit.training.learner import Learner
from segkit.training.log import append_metrics
from segkit.training.pace import Pace
from segkit.training.state import Counters, write_state
from segkit.weights.lineage import BEHIND


@dataclass
class Keeper:
    """Writes what is to stay of a training.

    Where the disk is full it is told and the training goes on with what was written before, but for what is `needed`:
    then OutputError is raised. `saved` is the iteration of the state that is on the disk.
    """

    config: Config
    folder: RunFolder
    learner: Learner
    counters: Counters
    pace: Pace
    tell: Listener
    save: Callable[..., None]
    saved: int = field(init=False)
    since: float = field(default_factory=lambda: time.monotonic())

    def __post_init__(self) -> None:
        self.saved = self.counters.iteration  # a run begins with none, or goes on from it

    def check_room(self) -> None:
        """Raise OutputError unless the disk has room for the state, the state before, and two models."""
        state = sum(tensor.nbytes for tensor in self.learner.tensors().values())
        model = sum(tensor.nbytes for tensor in self.learner.model.state_dict().values())
        check_room(self.folder.path, 2 * (state + model), spare=0)

    def is_due(self) -> bool:
        """Whether `train.save_minutes` have gone by since the state was written."""
        return time.monotonic() - self.since >= 60 * self.config.train.save_minutes

    def keep_state(self, *, needed: bool = False) -> None:
        """Write the state, in the first process alone, as all that is written.

        Raises SegkitError, and leaves the one before as it is, where it would hold no numbers.
        """
        if not self.learner.is_finite():
            raise SegkitError(
                f"the weights or their statistics are not finite after iteration {self.counters.iteration}: lower "
                f"train.lr (now {self.config.train.lr}) or start from weights, in another --out than {self.folder.path}"
            )
        self.counters.seconds = self.pace.seconds
        # As the first process has it, so that all agree on what is still to be written.
        if self.learner.ranks.from_first(
            lambda: self._try(lambda: write_state(self.folder.state, self.learner, self.counters), needed)
        ):
            self.saved = self.counters.iteration
        self.since = time.monotonic()

    def keep_iteration(self, *, needed: bool = False) -> None:
        """Write the state unless that of this iteration is there."""
        if self.saved < self.counters.iteration:
            self.keep_state(needed=needed)

    def publish(self, *, needed: bool = False) -> None:
        """Write what the last evaluation is worth: the models, and last its line, which tells that all is there."""
        self._try(self._publish, needed)

    def log(self, step: Step) -> None:
        """Write a line of measurements."""
        line: dict[str, Any] = {"iteration": step.iteration, "loss": step.loss, "lr": step.lr, "skipped": step.skipped}
        if step.bad_pictures:
            line["bad_pictures"] = step.bad_pictures
        self._try(lambda: append_metrics(self.folder.metrics, **line), needed=False)

    def _publish(self) -> None:
        evaluation, teacher = self.counters.evaluation, self.learner.teacher
        assert evaluation is not None
        about = {key: evaluation[key] for key in ("iteration", "val_miou", "val_protocol")}
        about["config"] = self.config.plain()
        if self.learner.behind is not None:
            about[BEHIND] = list(self.learner.behind)
        if teacher is not None:
            about["teacher"] = teacher.about
        # Where there is nothing to score by, the last is the best that there is.
        is_best = evaluation["best"] or self.counters.best_score is None
        for path in (self.folder.last, self.folder.best) if is_best else (self.folder.last,):
            self.save(path, self.learner.model_to_keep(), training=about)
        line = {key: evaluation[key] for key in ("iteration", "val_miou", "val_iou", "best")}
        append_metrics(self.folder.metrics, **line)

    def _try(self, write: Callable[[], None], needed: bool) -> bool:
        """Whether it was written."""
        if not self.learner.ranks.is_first:
            return True
        try:
            write()
            return True
        except OutputError as error:
            if needed:
                raise
            self.tell(Note(f"{error}; the training goes on and will try again"))
            return False
