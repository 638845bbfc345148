"""The training: what it needs is opened, then comes the loop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from segkit.base.device import choose_device
from segkit.base.errors import DataError, SegkitError, StoppedError
from segkit.data.dataset import Dataset
from segkit.data.loader import Batch
from segkit.evaluation.evaluate import class_difference, evaluate
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.build import build_from_config
from segkit.recipe.config import Config
from segkit.training.batches import batches
from segkit.training.events import Clock, Evaluated, Event, Listener, Note
from segkit.training.folder import RunFolder
from segkit.training.freezing import standing_still
from segkit.training.keeper import Keeper
from segkit.training.learner import Learner
from segkit.training.log import forget_after
from segkit.training.pace import Pace
from segkit.training.sets import add_unlabelled, fingerprint, open_sets
from segkit.training.state import Counters, State
from segkit.training.stop import Asked, signals
from segkit.training.teacher import load_teacher
from segkit.training.tensorboard import TensorBoard
from segkit.weights.files import save_model
from segkit.weights.lineage import UNTOLD, told_of_start

MAX_BAD_IN_A_ROW = 10


@dataclass(frozen=True)
class TrainingResult:
    """Where the models are, the validation mIoU (0..1) of the best, how many steps were skipped, pictures left out."""

    best: Path
    last: Path
    best_miou: float | None
    skipped: int
    bad_pictures: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: RunFolder, counters: Counters) -> "TrainingResult":
        """That of a run that is as far as its counters tell."""
        return cls(folder.best, folder.last, counters.best_miou, counters.skipped, tuple(counters.bad_pictures))


def train(
    config: Config,
    out: Path | str,
    *,
    train_set: Dataset | None = None,
    val_set: Dataset | None = None,
    resume: bool = False,
    listen: Listener = lambda event: None,
    network: DeepLabV3 | None = None,
    save: Callable[..., None] = save_model,
) -> TrainingResult:
    """Train the network of a recipe into the folder `out`.

    The data sets are those of the recipe, or `train_set` and `val_set` where it has no `data`. `resume` goes on with
    the run in `out`: on the CPU the result is equal to the bit to that of a run that was never interrupted, and of what
    the network started from nothing is needed any more. A finished run is left as it is, unless there are more
    iterations now: it goes on with the learning rates of so many, and ends elsewhere than one run of them. The data may
    lie elsewhere if names and sizes of the files are the same. `listen` is called with what happens. To train somebody
    else's network in the same way, give it as `network`, which has the attributes of a `DeepLabV3` and learns in place,
    and `save`, which writes it, called as `save_model` is. SIGINT, SIGTERM and SIGHUP end it after the step at hand,
    with the state written, in a StoppedError; SIGUSR1 has the state written. Raises SegkitError where data, weights,
    device or folder are wrong, before anything is written, where another process trains in the folder, and where the
    loss is not finite 10 times in a row.
    """
    folder = RunFolder(out)
    board = TensorBoard(folder.path / "tensorboard") if config.train.tensorboard else None

    def tell(event: Event) -> None:
        listen(event)
        if board is not None:
            board(event)

    def note(text: str) -> None:
        tell(Note(text))

    with folder.held(note), signals() as asked, nullcontext() if board is None else closing(board):
        changed = folder.check(config, resume=resume, tell=note)
        state = folder.read(note)
        counters = Counters() if state is None else state.counters
        if "train.max_minutes" in changed:
            counters.timed_out = False
        if state is not None:
            note(f"resumed after {counters.iteration} of {config.train.iterations} iterations")
        if _is_finished(config, counters) and not changed and not folder.is_unpublished(counters):
            return TrainingResult.of(folder, counters)

        pace = Pace(config.train, counters)
        train_set, val_set = open_sets(config, train_set, val_set, tell)
        data = fingerprint((train_set, val_set))
        learner = _start(config, train_set, val_set, network, state)
        for text in standing_still(config.train, learner.model, learner.fresh):
            note(text)
        pace.expect_evaluation(learner, val_set)
        train_set = add_unlabelled(config.train, train_set, val_set, tell)
        keeper = Keeper(config, folder, learner, counters, pace, tell, save)
        keeper.check_room()
        for text in folder.begin(
            config, iteration=counters.iteration, precision=learner.precision, data=data, changed=changed
        ):
            note(text)
        if damaged := forget_after(folder.metrics, counters.iteration):
            note(f"{folder.metrics}: left out {damaged} damaged line{'' if damaged == 1 else 's'}")
        _loop(_Run(config, learner, counters, pace, train_set, val_set, keeper, asked, tell))
        return TrainingResult.of(folder, counters)


def _start(
    config: Config, train_set: Dataset, val_set: Dataset, network: DeepLabV3 | None, state: State | None
) -> Learner:
    """The learner as it begins, or as it was saved; DataError where the data are of other classes than its network."""
    device = choose_device(config.train.device)
    teacher = load_teacher(config, train_set)  # before the seed, so that the network starts the same without it
    torch.manual_seed(config.train.seed)
    if network is None and state is not None:
        network = state.build_network()
    learner = Learner(config.train, network or build_from_config(config.model, train_set), device, teacher)
    for dataset in (train_set, val_set):
        if difference := class_difference(dataset.classes, learner.model.classes):
            raise DataError(f"{difference}: train and validate on the classes of the network")
    if state is not None:
        state.restore(learner)
    else:
        learner.behind = told_of_start(config.model.weights) if network is None else (UNTOLD,)
    return learner


@dataclass(frozen=True)
class _Run:
    """What the loop works with."""

    config: Config
    learner: Learner
    counters: Counters
    pace: Pace
    train_set: Dataset
    val_set: Dataset
    keeper: Keeper
    asked: Asked
    tell: Listener


def _loop(run: _Run) -> None:
    """Iterate: learning rate, step, log, evaluate, save; first what a run that was killed had left to do."""
    config, learner, counters, pace, keeper = run.config.train, run.learner, run.counters, run.pace, run.keeper
    counters.timed_out = counters.timed_out or (counters.iteration > 0 and pace.seconds_left <= 0)
    if keeper.folder.is_unpublished(counters):
        keeper.publish(needed=True)
    elif _is_evaluation_due(run):
        _evaluate(run)
    clock = Clock(config.batch_size)
    for images, labels in clock.watch(_batches(run)):
        due = pace.due()
        lr = learner.set_learning_rate(due.iteration)
        outcome = learner.step(counters.iteration, images, labels, due)  # forward, loss, backward, update
        counters.count(taken=outcome.taken)
        counters.timed_out = pace.is_over()
        iteration, ends = counters.iteration, _iterations_left(run.config, counters) == 0
        if counters.bad_in_a_row == MAX_BAD_IN_A_ROW:
            raise _diverged(run, outcome.loss)

        if iteration % config.log_every == 0 or ends:
            step = clock.step(counters, config.iterations, outcome.loss, lr, seconds_left=pace.seconds_left)
            keeper.log(step)
            run.tell(step)

        if _is_evaluation_due(run):
            _evaluate(run)
            clock.restart()
        elif keeper.is_due() or run.asked.save:
            keeper.keep_state()
            run.asked.save = False
        _stop_if_asked(run)
        if ends:
            break


def _is_evaluation_due(run: _Run) -> bool:
    """Whether the iteration that is done has to be evaluated, and was not yet."""
    iteration, last = run.counters.iteration, run.counters.evaluation
    if iteration == 0 or (last is not None and last["iteration"] == iteration):
        return False
    ends = _iterations_left(run.config, run.counters) == 0
    return ends or (iteration % run.config.train.evaluate_every == 0 and run.pace.has_room())


def _evaluate(run: _Run) -> None:
    learner, counters, keeper, began = run.learner, run.counters, run.keeper, run.pace.seconds
    ends = _iterations_left(run.config, counters) == 0
    keeper.keep_iteration()  # an evaluation may take long, or come upon a broken picture
    evaluation = evaluate(
        learner.model_to_keep(), run.val_set, precision=learner.precision, progress=lambda *_: _stop_if_asked(run)
    )
    best = counters.keep(evaluation)
    keeper.keep_state(needed=ends)  # first, since the rest can be made from it
    keeper.publish(needed=ends)
    run.tell(Evaluated(counters.iteration, evaluation, best))
    run.pace.evaluated(run.pace.seconds - began)


def _stop_if_asked(run: _Run) -> None:
    """Raise StoppedError, with the state written, where a signal has asked to end."""
    if run.asked.end is None:
        return
    run.keeper.keep_iteration(needed=True)
    done = f"{run.counters.iteration} of {run.config.train.iterations} iterations"
    name = signal.Signals(run.asked.end).name
    raise StoppedError(f"stopped by {name} after {done}, which are saved in {run.keeper.folder.path}", run.asked.end)


def _batches(run: _Run) -> Iterator[Batch]:
    mean, left = run.learner.model.mean.flatten().tolist(), _iterations_left(run.config, run.counters)
    try:
        yield from batches(run.config.train, run.train_set, run.counters, mean=mean, iterations=left, tell=run.tell)
    except DataError:
        run.keeper.keep_iteration()
        raise


def _is_finished(config: Config, counters: Counters) -> bool:
    """Whether no iteration is left, and the last was evaluated."""
    evaluated = counters.evaluation is not None and counters.evaluation["iteration"] == counters.iteration
    return _iterations_left(config, counters) == 0 and evaluated


def _iterations_left(config: Config, counters: Counters) -> int:
    """How many are to come at most; none where the time is over."""
    return 0 if counters.timed_out else max(0, config.train.iterations - counters.iteration)


def _diverged(run: _Run, loss: float) -> SegkitError:
    counters = run.counters
    return SegkitError(
        f"the loss or its gradient was not finite {MAX_BAD_IN_A_ROW} times in a row up to iteration "
        f"{counters.iteration} (loss {loss}, {counters.skipped} skipped in all): lower train.lr (now "
        f"{run.config.train.lr}) or start from weights, in another --out than {run.keeper.folder.path}"
    )
