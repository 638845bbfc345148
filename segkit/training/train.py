"""The training: what it needs is opened, then comes the loop."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segkit.base.device import choose_device
from segkit.base.errors import ConfigError, DataError
from segkit.base.ranks import Ranks, joined
from segkit.data.dataset import Dataset
from segkit.data.pairs import stretch_of
from segkit.evaluation.evaluate import class_difference, evaluate
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.build import build_from_config
from segkit.recipe.config import Config
from segkit.training.batches import check_shares
from segkit.training.events import Clock, Evaluated, Event, Listener, Note
from segkit.training.folder import RunFolder
from segkit.training.freezing import check_synchronised, standing_still
from segkit.training.keeper import Keeper
from segkit.training.learner import Learner
from segkit.training.log import forget_after
from segkit.training.pace import Pace
from segkit.training.run import Run, is_finished, iterations_left
from segkit.training.sets import add_unlabelled, fingerprint, open_sets
from segkit.training.state import Counters, State
from segkit.training.stop import signals
from segkit.training.teacher import load_teacher
from segkit.training.tensorboard import TensorBoard
from segkit.weights.files import save_model
from segkit.weights.lineage import UNTOLD, told_of_start


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
    with ExitStack() as held:
        ranks = held.enter_context(joined(config.train.device))

        def tell(event: Event) -> None:
            for each in (listen, board) if ranks.is_first else ():
                if each is not None:
                    each(event)

        def note(text: str) -> None:
            tell(Note(text))

        check_shares(config.train, ranks)
        ranks.from_first(lambda: held.enter_context(folder.held(note)))
        asked = held.enter_context(signals())
        if board is not None:
            held.enter_context(closing(board))
        changed = ranks.from_first(lambda: folder.check(config, resume=resume, tell=note))
        state = ranks.from_first(lambda: folder.read(note))
        counters = Counters() if state is None else state.counters
        if "train.max_minutes" in changed:
            counters.timed_out = False
        if state is not None:
            note(f"resumed after {counters.iteration} of {config.train.iterations} iterations")
        unpublished = ranks.from_first(lambda: folder.is_unpublished(counters))
        if is_finished(config, counters) and not changed and not unpublished:
            return TrainingResult.of(folder, counters)
        with ranks.together():
            train_set, val_set = open_sets(config, train_set, val_set, tell)
            learner = _start(config, train_set, val_set, network, state, ranks)
            for text in standing_still(config.train, learner.model, learner.fresh):
                note(text)
            data = fingerprint((train_set, val_set))
            train_set = add_unlabelled(config.train, train_set, val_set, tell)
        _agree(ranks, config, learner, data)
        pace = Pace(config.train, counters, ranks)
        pace.expect_evaluation(learner, val_set)
        keeper = Keeper(config, folder, learner, counters, pace, tell, save)
        ranks.from_first(lambda: _begin(keeper, data, changed))
        _loop(Run(config, ranks, learner, counters, pace, train_set, val_set, keeper, asked, tell), unpublished)
        return TrainingResult.of(folder, counters)


def _start(
    config: Config,
    train_set: Dataset,
    val_set: Dataset,
    network: DeepLabV3 | None,
    state: State | None,
    ranks: Ranks,
) -> Learner:
    """The learner as it begins, or as it was saved; DataError where the data are of other classes than its network."""
    device = choose_device(config.train.device)
    teacher = load_teacher(config, train_set)  # before the seed, so that the network starts the same without it
    torch.manual_seed(config.train.seed)
    if network is None and state is not None:
        network = state.build_network()
    model = network or build_from_config(config.model, train_set)
    model.train()  # which one that was folded refuses
    if state is None:
        model.stretch = stretch_of(train_set)
    learner = Learner(config.train, model, device, teacher, ranks)
    for dataset in (train_set, val_set):
        if difference := class_difference(dataset.classes, learner.model.classes):
            raise DataError(f"{difference}: train and validate on the classes of the network")
    if state is not None:
        state.restore(learner)
    else:
        learner.behind = told_of_start(config.model.weights) if network is None else (UNTOLD,)
    if ranks.are_many:
        check_synchronised(config.train, learner.model, learner.fresh)
    return learner


def _agree(ranks: Ranks, config: Config, learner: Learner, data: str) -> None:
    """Have all processes begin with the same weights; ConfigError where they would part on the way."""
    shapes = [tuple(tensor.shape) for tensor in learner.tensors().values()]
    recipes = (
        config.model.model_dump_json(exclude={"weights"}),
        config.train.model_dump_json(exclude={"device", "workers"}),
    )
    alike = data, *recipes, tuple(shapes)
    if len(set(ranks.gather(alike))) > 1:
        raise ConfigError("the processes have other data or recipes than each other: give all hosts the same")
    ranks.copy_first(list(learner.tensors().values()))


def _begin(keeper: Keeper, data: str, changed: dict[str, tuple[Any, Any]]) -> None:
    """Have the folder ready for what comes; `data` is the fingerprint of the sets."""
    folder, learner, iteration = keeper.folder, keeper.learner, keeper.counters.iteration
    keeper.check_room()
    for text in folder.begin(
        keeper.config,
        iteration=iteration,
        precision=learner.precision,
        data=data,
        changed=changed,
        processes=learner.ranks.size,
    ):
        keeper.tell(Note(text))
    if damaged := forget_after(folder.metrics, iteration):
        keeper.tell(Note(f"{folder.metrics}: left out {damaged} damaged line{'' if damaged == 1 else 's'}"))


def _loop(run: Run, unpublished: bool) -> None:
    """Iterate: learning rate, step, log, evaluate, save; first what a run that was killed had left to do."""
    config, learner, counters, pace, keeper = run.config.train, run.learner, run.counters, run.pace, run.keeper
    counters.timed_out = counters.timed_out or (counters.iteration > 0 and pace.seconds_left <= 0)
    if unpublished:
        keeper.publish(needed=True)
    elif run.is_evaluation_due():
        _evaluate(run)
    clock = Clock(config.batch_size)
    for images, labels in clock.watch(run.batches()):
        due = pace.due()
        lr = learner.set_learning_rate(due.iteration)
        outcome = learner.step(counters.iteration, images, labels, due)  # forward, loss, backward, update
        counters.count(taken=outcome.taken)
        counters.timed_out = pace.is_over()
        iteration, ends = counters.iteration, iterations_left(run.config, counters) == 0
        run.check_diverged(outcome.loss)

        if iteration % config.log_every == 0 or ends:
            step = clock.step(counters, config.iterations, outcome.loss, lr, seconds_left=pace.seconds_left)
            keeper.log(step)
            run.tell(step)

        if run.is_evaluation_due():
            _evaluate(run)
            clock.restart()
        else:
            run.save_if_due()
        run.stop_if_asked()
        if ends:
            break


def _evaluate(run: Run) -> None:
    learner, counters, keeper, began = run.learner, run.counters, run.keeper, run.pace.seconds
    ends = iterations_left(run.config, counters) == 0
    keeper.keep_iteration()  # an evaluation may take long, or come upon a broken picture
    evaluation = evaluate(
        learner.model_to_keep(),
        run.val_set,
        precision=learner.precision,
        progress=lambda *_: run.stop_if_asked(),
        ranks=run.ranks,
    )
    best = counters.keep(evaluation)
    keeper.keep_state(needed=ends)  # first, since the rest can be made from it
    keeper.publish(needed=ends)
    run.tell(Evaluated(counters.iteration, evaluation, best))
    run.pace.evaluated(run.pace.seconds - began)
