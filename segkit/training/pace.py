"""How far a training is on its schedule: by its iterations, and by its time where `train.max_minutes` limits it."""

import math
from time import monotonic

from segkit.base.errors import ConfigError
from segkit.base.ranks import ALONE, Ranks
from segkit.data.dataset import Dataset, FirstPictures
from segkit.evaluation.evaluate import evaluate
from segkit.recipe.config import TrainConfig
from segkit.training.learner import Learner
from segkit.training.schedule import Due
from segkit.training.state import Counters

TRIED = 3
"""So many pictures tell what an evaluation takes before there was one; the first of them warms up, and is not timed."""
MARGIN = 1.1
"""Of the time that the last evaluation is expected to take, so much is reserved: evaluations are not all as quick."""


class Pace:
    """Where a training is, and when it has to end; without `max_minutes` its iterations tell, and no clock is read.

    Time is counted from when this is made, on top of that in the counters. Progress is the larger of iterations done /
    iterations and of seconds used / seconds to train in: those allowed but for the time of the last evaluation. Of
    several `ranks` all go by the first one's clock, which each time it is read they are told.
    """

    def __init__(self, config: TrainConfig, counters: Counters, ranks: Ranks = ALONE) -> None:
        self._ranks = ranks
        self._iterations = config.iterations
        self._allowed = math.inf if config.max_minutes is None else 60 * config.max_minutes
        self._counters = counters
        self._began = self._now() - counters.seconds if self.is_limited else 0.0
        self._evaluation = 0.0
        self._step_began = self._step = 0.0
        self._at: float | None = None

    def _now(self) -> float:
        return self._ranks.first(monotonic())

    @property
    def is_limited(self) -> bool:
        """Whether time counts."""
        return self._allowed < math.inf

    @property
    def seconds(self) -> float:
        """The time used so far, in all runs of this training; 0 where it does not count."""
        return self._now() - self._began if self.is_limited else 0.0

    @property
    def seconds_left(self) -> float:
        """Until the last evaluation has to begin."""
        return self._allowed - self._evaluation - self.seconds

    def expect_evaluation(self, learner: Learner, dataset: Dataset) -> None:
        """Measure on the first pictures what it will take. Raises ConfigError where that leaves no time to train in."""
        if not self.is_limited:
            return
        first = FirstPictures(dataset, TRIED)
        evaluate(learner.model_to_keep(), FirstPictures(dataset, 1), precision=learner.precision)
        began = self._now()
        evaluate(learner.model_to_keep(), first, precision=learner.precision)
        share = math.ceil(len(dataset) / self._ranks.size)
        self.evaluated((self._now() - began) * share / max(len(first), 1))
        if self._evaluation >= self._allowed:
            raise ConfigError(
                f"train.max_minutes={self._allowed / 60:g}: the evaluation alone takes about "
                f"{self._evaluation / 60:.1f} minutes here: give more, or validate on fewer pictures"
            )

    def evaluated(self, seconds: float) -> None:
        """Expect the last evaluation to take as long as one did."""
        self._evaluation = MARGIN * seconds

    def due(self) -> Due:
        """What is due in the step that begins now."""
        iteration = self._counters.iteration
        if not self.is_limited:
            return Due(iteration)
        self._step_began = self._now()
        share = min(self.seconds / (self._allowed - self._evaluation), 1.0)
        at = max(iteration, share * self._iterations, self._at or 0.0)  # never back, where an evaluation was quicker
        due = Due(at, 1.0 if self._at is None else at - self._at)
        self._at = at
        return due

    def is_over(self) -> bool:
        """Whether there is no time for another step: to be asked when one has been taken."""
        if not self.is_limited:
            return False
        self._step = self._now() - self._step_began
        return self.seconds_left < self._step

    def has_room(self) -> bool:
        """Whether an evaluation that is not the last fits in, and a step after it."""
        return self.seconds_left >= self._evaluation + self._step
