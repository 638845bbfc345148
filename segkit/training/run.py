"""A training on its way: what its loop works with, and what it asks between two steps."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass

from segkit.base.errors import DataError, SegkitError, StoppedError
from segkit.base.ranks import Ranks
from segkit.data.dataset import Dataset
from segkit.data.loader import Batch
from segkit.recipe.config import Config
from segkit.training.batches import batches
from segkit.training.events import Listener
from segkit.training.keeper import Keeper
from segkit.training.learner import Learner
from segkit.training.pace import Pace
from segkit.training.state import Counters
from segkit.training.stop import Asked

MAX_BAD_IN_A_ROW = 10


@dataclass(frozen=True)
class Run:
    """What the loop works with; of several processes each asks the same, and is answered the same."""

    config: Config
    ranks: Ranks
    learner: Learner
    counters: Counters
    pace: Pace
    train_set: Dataset
    val_set: Dataset
    keeper: Keeper
    asked: Asked
    tell: Listener

    def batches(self) -> Iterator[Batch]:
        """Those that are left, or this process's share of each; the state is written where one cannot be read."""
        mean, left = self.learner.model.mean.flatten().tolist(), iterations_left(self.config, self.counters)
        try:
            yield from batches(
                self.config.train,
                self.train_set,
                self.counters,
                mean=mean,
                iterations=left,
                tell=self.tell,
                ranks=self.ranks,
            )
        except DataError:
            self.keeper.keep_iteration()
            raise

    def is_evaluation_due(self) -> bool:
        """Whether the iteration that is done has to be evaluated, and was not yet."""
        iteration, last = self.counters.iteration, self.counters.evaluation
        if iteration == 0 or (last is not None and last["iteration"] == iteration):
            return False
        ends = iterations_left(self.config, self.counters) == 0
        return ends or (iteration % self.config.train.evaluate_every == 0 and self.pace.has_room())

    def save_if_due(self) -> None:
        """Write the state where its time has come, or a signal has asked for it."""
        due = self.asked.save or self.keeper.is_due()
        if self.ranks.told(due or None):
            self.keeper.keep_state()
            self.asked.save = False

    def stop_if_asked(self) -> None:
        """Raise StoppedError, with the state written, where a signal has asked to end."""
        ends = self.ranks.told(self.asked.end)
        if not ends:
            return
        self.keeper.keep_iteration(needed=True)
        done = f"{self.counters.iteration} of {self.config.train.iterations} iterations"
        name = signal.Signals(ends[0]).name
        raise StoppedError(f"stopped by {name} after {done}, which are saved in {self.keeper.folder.path}", ends[0])

    def check_diverged(self, loss: float) -> None:
        """Raise SegkitError where no step has been taken for too long; `loss` is the last."""
        counters = self.counters
        if counters.bad_in_a_row == MAX_BAD_IN_A_ROW:
            raise SegkitError(
                f"the loss or its gradient was not finite {MAX_BAD_IN_A_ROW} times in a row up to iteration "
                f"{counters.iteration} (loss {loss}, {counters.skipped} skipped in all): lower train.lr (now "
                f"{self.config.train.lr}) or start from weights, in another --out than {self.keeper.folder.path}"
            )


def is_finished(config: Config, counters: Counters) -> bool:
    """Whether no iteration is left, and the last was evaluated."""
    evaluated = counters.evaluation is not None and counters.evaluation["iteration"] == counters.iteration
    return iterations_left(config, counters) == 0 and evaluated


def iterations_left(config: Config, counters: Counters) -> int:
    """How many are to come at most; none where the time is over."""
    return 0 if counters.timed_out else max(0, config.train.iterations - counters.iteration)
