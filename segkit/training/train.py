"""The training loop."""

import math
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segkit.base.device import choose_device
from segkit.base.errors import DataError, SegkitError
from segkit.data.check.quick import check_dataset
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.loader import training_batches
from segkit.data.unlabelled import Joined
from segkit.evaluation.evaluate import evaluate
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.build import build_from_config, open_dataset, open_unlabelled, training_transform
from segkit.recipe.config import Config, ModelConfig
from segkit.training.checkpoint import RunFolder
from segkit.training.learner import Learner, Outcome
from segkit.training.progress import Clock, Evaluated, Event, Listener, Note, Progress, Step
from segkit.training.teacher import load_teacher
from segkit.training.tensorboard import TensorBoard
from segkit.weights.files import save_model

__all__ = ["Evaluated", "Event", "Note", "Step", "TrainingResult", "train"]

MAX_BAD_IN_A_ROW = 10


@dataclass(frozen=True)
class TrainingResult:
    """Where the models are, the best validation mIoU (0..1), and how many steps were skipped."""

    best: Path
    last: Path
    best_miou: float | None
    skipped: int


def train(
    config: Config,
    out: Path | str,
    *,
    resume: bool = False,
    listen: Listener = lambda event: None,
    build: Callable[[ModelConfig, Dataset], DeepLabV3] = build_from_config,
    save: Callable[..., None] = save_model,
) -> TrainingResult:
    """Train the network of a recipe into the folder `out`.

    `resume` goes on with the run in `out`: on the CPU the result is equal to the bit to that of a run that was never
    interrupted. `listen` is called with what happens. To train somebody else's network in the same way, `build` makes
    one with the attributes of a `DeepLabV3` and `save` writes it, called as `save_model` is. Raises SegkitError where
    data, weights, device or folder are wrong, before anything is written, and where the loss is not finite 10 times in
    a row.
    """
    folder = RunFolder(out)
    device = choose_device(config.train.device)
    board = TensorBoard(folder.path / "tensorboard") if config.train.tensorboard else None
    train_set = _open(config, config.data.train_split, listen)
    val_set = _open(config, config.data.val_split, listen)
    teacher = load_teacher(config, train_set)  # before the seed, so that the network starts the same without it
    if config.train.unlabelled is not None:
        train_set = _with_unlabelled(config.train.unlabelled, train_set, val_set, listen)
    torch.manual_seed(config.train.seed)
    learner = Learner(config.train, build(config.model, train_set), device, teacher)
    folder.begin(config, resume=resume)

    def tell(event: Event) -> None:
        listen(event)
        if board is not None:
            board(event)

    with nullcontext() if board is None else closing(board):
        return _Training(config, learner, train_set, val_set, folder, tell, save).run(resume=resume)


def _open(config: Config, split: str, listen: Listener) -> Dataset:
    """A split of the recipe's data, after a look at it."""
    dataset = open_dataset(config.data, split)
    for finding in _look_at(dataset):
        listen(Note(f"{split}: {finding.message}"))
    return dataset


def _with_unlabelled(folder: str, train_set: Dataset, val_set: Dataset, listen: Listener) -> Dataset:
    """The train set with the pictures of a folder behind it, after a look at them."""
    unlabelled = open_unlabelled(folder, train_set, val_set)
    _look_at(unlabelled)  # for files that cannot be read; that there are no labels is on purpose
    left_out = f"; {unlabelled.left_out} others are in the data set and left out" if unlabelled.left_out else ""
    listen(Note(f"{folder}: {len(unlabelled)} pictures to learn from the teacher alone{left_out}"))
    return Joined(train_set, unlabelled)


def _look_at(dataset: Dataset) -> list[Finding]:
    """What a look at a data set finds and may be meant; DataError for what would ruin the run."""
    findings = check_dataset(dataset)
    errors = [finding.message for finding in findings if finding.level == "error"]
    if errors:
        raise DataError(errors[0] + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""))
    return findings


class _Training:
    """A run in progress."""

    def __init__(
        self,
        config: Config,
        learner: Learner,
        train_set: Dataset,
        val_set: Dataset,
        folder: RunFolder,
        listen: Listener,
        save: Callable[..., None],
    ) -> None:
        self.config, self.learner = config, learner
        self.train_set, self.val_set = train_set, val_set
        self.folder, self.listen, self.save = folder, listen, save
        self.progress = Progress()
        self.bad_in_a_row = 0

    def run(self, *, resume: bool) -> TrainingResult:
        config = self.config.train
        if resume:
            self._resume()
        clock = Clock(config.batch_size)
        for images, labels in clock.watch(self._batches()):
            iteration = self.progress.iteration
            lr = self.learner.set_learning_rate(iteration)
            outcome = self.learner.step(iteration, images, labels)
            self._count_bad(outcome)
            self.progress.iteration = iteration = iteration + 1
            if iteration % config.log_every == 0 or iteration == config.iterations:
                self._log(clock.step(iteration, config.iterations, outcome.loss, lr, self.progress.skipped))
            if iteration % config.evaluate_every == 0 or iteration == config.iterations:
                self._evaluate_and_save()
                clock.restart()
        return TrainingResult(self.folder.best, self.folder.last, self.progress.best_miou, self.progress.skipped)

    def _resume(self) -> None:
        learner = self.learner
        self.progress = self.folder.load_state(learner.model, learner.ema, learner.optimizer)
        if self.progress.scaler:
            learner.scaler.load_state_dict(self.progress.scaler)
        self.folder.forget_after(self.progress.iteration)
        self.listen(Note(f"resumed after {self.progress.iteration} of {self.config.train.iterations} iterations"))

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        config = self.config.train
        return training_batches(
            self.train_set,
            training_transform(config, mean=self.learner.model.mean.flatten().tolist()),
            batch_size=config.batch_size,
            seed=config.seed,
            first_iteration=self.progress.iteration,
            iterations=config.iterations - self.progress.iteration,
            workers=config.workers,
        )

    def _count_bad(self, outcome: Outcome) -> None:
        if outcome.taken:
            self.bad_in_a_row = 0
            return
        self.progress.skipped += 1
        self.bad_in_a_row += 1
        if self.bad_in_a_row >= MAX_BAD_IN_A_ROW:
            raise SegkitError(
                f"the loss or its gradient was not finite {MAX_BAD_IN_A_ROW} times in a row up to iteration "
                f"{self.progress.iteration + 1} (loss {outcome.loss}, {self.progress.skipped} skipped in all): lower "
                f"train.lr (now {self.config.train.lr}) or start from weights, in another --out than {self.folder.path}"
            )

    def _log(self, step: Step) -> None:
        self.folder.log(iteration=step.iteration, loss=step.loss, lr=step.lr, skipped=step.skipped)
        self.listen(step)

    def _evaluate_and_save(self) -> None:
        learner, progress = self.learner, self.progress
        model = learner.model_to_keep()
        evaluation = evaluate(model, self.val_set, precision=learner.precision)
        miou = evaluation.miou  # NaN where the labels are void everywhere
        best = progress.best_miou is None or miou > progress.best_miou
        if best and not math.isnan(miou):
            progress.best_miou = miou
        about: dict[str, Any] = {
            "iteration": progress.iteration,
            "val_miou": miou,
            "val_protocol": evaluation.protocol,
            "config": self.config.model_dump(mode="json"),
        }
        if learner.teacher is not None:
            about["teacher"] = learner.teacher.about
        self.save(self.folder.last, model, training=about)
        if best:
            self.save(self.folder.best, model, training=about)
        self.folder.log(
            iteration=progress.iteration, val_miou=miou, val_iou=evaluation.confusion.iou.tolist(), best=best
        )
        progress.scaler = learner.scaler.state_dict()
        self.folder.save_state(progress, learner.model, learner.ema, learner.optimizer)
        self.listen(Evaluated(progress.iteration, evaluation, best))
