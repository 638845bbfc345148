"""The training: what it needs is opened, then comes the loop."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from segkit.base.device import choose_device
from segkit.base.errors import DataError, SegkitError
from segkit.data.dataset import Dataset
from segkit.data.loader import training_batches
from segkit.evaluation.evaluate import class_difference, evaluate
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.build import build_from_config, training_transform
from segkit.recipe.config import Config
from segkit.training.events import Clock, Evaluated, Event, Listener, Note
from segkit.training.folder import RunFolder
from segkit.training.freezing import standing_still
from segkit.training.learner import Learner
from segkit.training.log import append_metrics, forget_after, read_metrics
from segkit.training.pace import Pace
from segkit.training.sets import add_unlabelled, fingerprint, open_sets
from segkit.training.state import Counters, State, read_state, write_state
from segkit.training.teacher import load_teacher
from segkit.training.tensorboard import TensorBoard
from segkit.weights.files import save_model

MAX_BAD_IN_A_ROW = 10


@dataclass(frozen=True)
class TrainingResult:
    """Where the models are, the validation mIoU (0..1) of the best, and how many steps were skipped."""

    best: Path
    last: Path
    best_miou: float | None
    skipped: int


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
    and `save`, which writes it, called as `save_model` is. Raises SegkitError where data, weights, device or folder are
    wrong, before anything is written, and where the loss is not finite 10 times in a row.
    """
    folder = RunFolder(out)
    changed = folder.check(config, resume=resume)
    state = read_state(folder.state) if resume else None
    counters = Counters() if state is None else state.counters
    if "train.max_minutes" in changed:
        counters.timed_out = False
    pace = Pace(config.train, counters)
    if resume:
        if state is not None and state.warning is not None:
            listen(Note(state.warning))
        listen(Note(f"resumed after {counters.iteration} of {config.train.iterations} iterations"))
    if _iterations_left(config, counters) or changed or _is_unpublished(folder, counters):
        board = TensorBoard(folder.path / "tensorboard") if config.train.tensorboard else None

        def tell(event: Event) -> None:
            listen(event)
            if board is not None:
                board(event)

        train_set, val_set = open_sets(config, train_set, val_set, listen)
        data = fingerprint((train_set, val_set))
        learner = _start(config, train_set, val_set, network, state)
        for note in standing_still(config.train, learner.model, learner.fresh):
            listen(Note(note))
        pace.expect_evaluation(learner, val_set)
        if config.train.unlabelled is not None:
            train_set = add_unlabelled(config.train.unlabelled, train_set, val_set, listen)
        for change in folder.begin(
            config, iteration=counters.iteration, precision=learner.precision, data=data, changed=changed
        ):
            listen(Note(change))
        with nullcontext() if board is None else closing(board):
            _loop(_Run(config, folder, learner, counters, pace, train_set, val_set, tell, save))
    return TrainingResult(folder.best, folder.last, counters.best_miou, counters.skipped)


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
    return learner


@dataclass(frozen=True)
class _Run:
    """What the loop works with."""

    config: Config
    folder: RunFolder
    learner: Learner
    counters: Counters
    pace: Pace
    train_set: Dataset
    val_set: Dataset
    tell: Listener
    save: Callable[..., None]


def _loop(run: _Run) -> None:
    """Iterate: learning rate, step, log, evaluate, save; first what a run that was killed had left to write."""
    config, learner, counters, folder, pace = run.config.train, run.learner, run.counters, run.folder, run.pace
    if damaged := forget_after(folder.metrics, counters.iteration):
        run.tell(Note(f"{folder.metrics}: left out {damaged} damaged line{'' if damaged == 1 else 's'}"))
    if _is_unpublished(folder, counters):
        _publish(run)
    clock = Clock(config.batch_size)
    saved = time.monotonic()
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
            left = pace.seconds_left
            step = clock.step(iteration, config.iterations, outcome.loss, lr, counters.skipped, seconds_left=left)
            append_metrics(folder.metrics, iteration=iteration, loss=step.loss, lr=lr, skipped=step.skipped)
            run.tell(step)

        if ends or (iteration % config.evaluate_every == 0 and pace.has_room()):
            _evaluate(run)
            saved = time.monotonic()
            clock.restart()
        elif time.monotonic() - saved >= 60 * config.save_minutes:
            _save(run)
            saved = time.monotonic()
        if ends:
            break


def _evaluate(run: _Run) -> None:
    learner, counters, began = run.learner, run.counters, run.pace.seconds
    evaluation = evaluate(learner.model_to_keep(), run.val_set, precision=learner.precision)
    best = counters.keep(evaluation)
    _save(run)  # first, since the rest can be made from it
    _publish(run)
    run.tell(Evaluated(counters.iteration, evaluation, best))
    run.pace.evaluated(run.pace.seconds - began)


def _save(run: _Run) -> None:
    run.counters.seconds = run.pace.seconds
    write_state(run.folder.state, run.learner, run.counters)


def _batches(run: _Run) -> Iterator[tuple[Tensor, Tensor]]:
    config, done = run.config.train, run.counters.iteration
    return training_batches(
        run.train_set,
        training_transform(config, mean=run.learner.model.mean.flatten().tolist()),
        batch_size=config.batch_size,
        seed=config.seed,
        first_iteration=done,
        iterations=_iterations_left(run.config, run.counters),
        workers=config.workers,
    )


def _iterations_left(config: Config, counters: Counters) -> int:
    """How many are to come at most; none where the time is over."""
    return 0 if counters.timed_out else max(0, config.train.iterations - counters.iteration)


def _diverged(run: _Run, loss: float) -> SegkitError:
    counters = run.counters
    return SegkitError(
        f"the loss or its gradient was not finite {MAX_BAD_IN_A_ROW} times in a row up to iteration "
        f"{counters.iteration} (loss {loss}, {counters.skipped} skipped in all): lower train.lr (now "
        f"{run.config.train.lr}) or start from weights, in another --out than {run.folder.path}"
    )


def _publish(run: _Run) -> None:
    """Write what the evaluation in the state is worth: the models, and last its line, which tells that all is there."""
    evaluation, teacher, folder = run.counters.evaluation, run.learner.teacher, run.folder
    assert evaluation is not None
    about = {key: evaluation[key] for key in ("iteration", "val_miou", "val_protocol")}
    about["config"] = run.config.plain()
    if teacher is not None:
        about["teacher"] = teacher.about
    for path in (folder.last, folder.best) if evaluation["best"] else (folder.last,):
        run.save(path, run.learner.model_to_keep(), training=about)
    append_metrics(folder.metrics, **{key: evaluation[key] for key in ("iteration", "val_miou", "val_iou", "best")})


def _is_unpublished(folder: RunFolder, counters: Counters) -> bool:
    """Whether a run ended between the state with an evaluation in it and the evaluation's line."""
    if counters.evaluation is None or counters.evaluation["iteration"] < counters.iteration:
        return False
    lines = read_metrics(folder.metrics)
    return not any("val_miou" in line and line["iteration"] == counters.iteration for line in lines)
