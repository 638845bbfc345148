"""The training loop."""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segkit.base.errors import DataError, SegkitError
from segkit.config import Config, TrainConfig
from segkit.data.check import check_dataset
from segkit.data.dataset import Dataset
from segkit.data.loader import training_batches
from segkit.data.transforms import TrainingTransform
from segkit.evaluation.evaluate import Evaluation, evaluate
from segkit.models import DeepLabV3
from segkit.training.checkpoint import Progress, RunFolder
from segkit.training.device import choose_device, choose_precision
from segkit.training.from_config import build_from_config, open_dataset
from segkit.training.loss import cross_entropy, labelled_pixels, soft_jaccard
from segkit.training.optimizer import build_optimizer
from segkit.training.schedule import ema_decay, learning_rate
from segkit.weights.files import save_model

MAX_BAD_IN_A_ROW = 10


@dataclass(frozen=True)
class Step:
    """What a training says of itself every `log_every` iterations; the times are means since the last."""

    iteration: int
    iterations: int
    loss: float
    lr: float
    pictures_per_second: float
    seconds_left: float
    waiting: float  # share of the time spent waiting for data, in 0..1
    skipped: int


@dataclass(frozen=True)
class Evaluated:
    """An evaluation on the validation split; `best` tells whether it is the best so far."""

    iteration: int
    evaluation: Evaluation
    best: bool


@dataclass(frozen=True)
class Note:
    """Something that the user should know."""

    text: str


Event = Step | Evaluated | Note


@dataclass(frozen=True)
class TrainingResult:
    """Where the models are, and the best validation mIoU (0..1)."""

    best: Path
    last: Path
    best_miou: float | None
    skipped: int


def train(
    config: Config, out: Path | str, *, resume: bool = False, listen: Callable[[Event], None] = lambda event: None
) -> TrainingResult:
    """Train the network of a recipe into the folder `out`.

    `resume` goes on with the run in `out`: on the CPU the result is equal to the bit to that of a run that was never
    interrupted. `listen` is called with what happens. Raises SegkitError where data, weights, device or folder are
    wrong, and where the loss is not finite 10 times in a row.
    """
    device = choose_device(config.train.device)
    train_set = open_dataset(config.data, config.data.train_split)
    val_set = open_dataset(config.data, config.data.val_split)
    _look_at(train_set, config.data.train_split, listen)
    _look_at(val_set, config.data.val_split, listen)
    torch.manual_seed(config.train.seed)
    model = build_from_config(config.model, train_set)
    folder = RunFolder(out)
    folder.begin(config, resume=resume)
    return _Training(config, model, train_set, val_set, device, folder, listen).run(resume=resume)


def _look_at(dataset: Dataset, split: str, listen: Callable[[Event], None]) -> None:
    findings = check_dataset(dataset)
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise DataError(f"{errors[0].file}: {errors[0].message}{more}")
    for finding in findings:
        listen(Note(f"{split}: {finding.file}: {finding.message}"))


class _Training:
    """The state of a run in progress."""

    def __init__(
        self,
        config: Config,
        model: DeepLabV3,
        train_set: Dataset,
        val_set: Dataset,
        device: torch.device,
        folder: RunFolder,
        listen: Callable[[Event], None],
    ) -> None:
        self.config: TrainConfig = config.train
        self.recipe = config
        self.train_set, self.val_set = train_set, val_set
        self.device, self.folder, self.listen = device, folder, listen
        self.precision = choose_precision(config.train.precision, device)
        self.memory_format = torch.channels_last if config.train.channels_last else torch.contiguous_format
        self.model = model.to(device, memory_format=self.memory_format)
        for layer in _batch_norms(self.model):
            layer.momentum = config.train.batch_norm_momentum
        self.ema = copy.deepcopy(self.model).eval().requires_grad_(False) if config.train.ema else None
        self.optimizer = build_optimizer(
            self.model,
            lr=config.train.lr,
            head_lr=config.train.head_lr,
            momentum=config.train.momentum,
            weight_decay=config.train.weight_decay,
        )
        # A compiled network shares its weights with the plain one, which is what is saved and evaluated.
        self.forward: Callable[[Tensor], Tensor] = torch.compile(self.model) if config.train.compile else self.model
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)
        weights = config.train.class_weights
        self.class_weights = None if weights is None else torch.tensor(weights, device=device)
        self.progress = Progress()
        self.bad_in_a_row = 0

    def run(self, *, resume: bool) -> TrainingResult:
        config = self.config
        if resume:
            self.progress = self.folder.load_state(self.model, self.ema, self.optimizer)
            self.folder.forget_after(self.progress.iteration)
            self.listen(Note(f"resumed after {self.progress.iteration} of {config.iterations} iterations"))
        clock = _Clock(config.batch_size)
        for images, labels in clock.watch(self._batches()):
            iteration = self.progress.iteration
            rate = self._set_learning_rate(iteration)
            torch.manual_seed(_mix(config.seed, iteration))  # dropout too is a function of (seed, iteration)
            loss = self._step(images.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True))
            self._update_ema(iteration)
            self.progress.iteration = iteration = iteration + 1
            if iteration % config.log_every == 0 or iteration == config.iterations:
                self._log(clock.step(iteration, config.iterations, loss, rate, self.progress.skipped))
            if iteration % config.evaluate_every == 0 or iteration == config.iterations:
                self._evaluate_and_save()
                clock.restart()
        return TrainingResult(self.folder.best, self.folder.last, self.progress.best_miou, self.progress.skipped)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        config = self.config
        transform = TrainingTransform(
            crop=config.crop,
            mean=self.model.mean.flatten().tolist(),
            scales=config.scales,
            scale_step=config.scale_step,
            mirror=config.mirror,
            jitter=config.jitter,
        )
        return training_batches(
            self.train_set,
            transform,
            batch_size=config.batch_size,
            seed=config.seed,
            first_iteration=self.progress.iteration,
            iterations=config.iterations - self.progress.iteration,
            workers=config.workers,
        )

    def _set_learning_rate(self, iteration: int) -> float:
        config = self.config
        rate = learning_rate(
            iteration, base=1.0, iterations=config.iterations, power=config.power, warmup=config.warmup
        )
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * rate
        return config.lr * rate

    def _step(self, images: Tensor, labels: Tensor) -> float:
        """One update; the loss of the batch. A loss or gradient that is not finite changes nothing and is counted."""
        self.model.train()
        if self.config.batch_norm == "freeze":
            for layer in _batch_norms(self.model):
                layer.eval()
        statistics = [buffer.clone() for buffer in self.model.buffers()]
        pixels = labelled_pixels(labels, self.class_weights)
        parts = self.config.accumulate
        loss = 0.0
        for part_images, part_labels in zip(images.chunk(parts), labels.chunk(parts), strict=True):
            with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
                logits = self.forward(part_images.contiguous(memory_format=self.memory_format))
            part = cross_entropy(logits, part_labels, weights=self.class_weights, pixels=pixels)
            if self.config.jaccard:
                part = part + self.config.jaccard * soft_jaccard(logits, part_labels) / parts
            self.scaler.scale(part).backward()
            loss += part.item()
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.get_total_norm(p.grad for p in self.model.parameters() if p.grad is not None)
        if torch.isfinite(norm) and torch.isfinite(torch.tensor(loss)):
            self.scaler.step(self.optimizer)
            self.bad_in_a_row = 0
        else:
            self._skip(loss, statistics)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def _skip(self, loss: float, statistics: list[Tensor]) -> None:
        # The forward pass has moved the running statistics, perhaps to NaN.
        for buffer, before in zip(self.model.buffers(), statistics, strict=True):
            buffer.copy_(before)
        self.progress.skipped += 1
        self.bad_in_a_row += 1
        if self.bad_in_a_row >= MAX_BAD_IN_A_ROW:
            iteration = self.progress.iteration
            self.folder.save_state(replace(self.progress), self.model, self.ema, self.optimizer)
            raise SegkitError(
                f"the loss or its gradient was not finite {MAX_BAD_IN_A_ROW} times in a row up to iteration {iteration} "
                f"(loss {loss}, {self.progress.skipped} skipped in all): lower train.lr (now {self.config.lr}), or start "
                f"from weights; the state before is in {self.folder.state}"
            )

    @torch.no_grad()
    def _update_ema(self, iteration: int) -> None:
        if self.ema is None:
            return
        decay = ema_decay(iteration, self.config.ema)
        for average, value in zip(self.ema.state_dict().values(), self.model.state_dict().values(), strict=True):
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)

    def _log(self, step: Step) -> None:
        self.folder.log(iteration=step.iteration, loss=step.loss, lr=step.lr, skipped=step.skipped)
        self.listen(step)

    def _evaluate_and_save(self) -> None:
        model = self.ema if self.ema is not None else self.model.eval()
        evaluation = evaluate(model, self.val_set, precision=self.precision)
        miou = evaluation.miou
        best = self.progress.best_miou is None or miou > self.progress.best_miou
        if best:
            self.progress.best_miou = miou
        iteration = self.progress.iteration
        about: dict[str, Any] = {
            "iteration": iteration,
            "val_miou": miou,
            "val_protocol": evaluation.protocol,
            "config": self.recipe.model_dump(mode="json"),
        }
        save_model(self.folder.last, model, training=about)
        if best:
            save_model(self.folder.best, model, training=about)
        self.folder.log(iteration=iteration, val_miou=miou, val_iou=evaluation.confusion.iou.tolist(), best=best)
        self.folder.save_state(self.progress, self.model, self.ema, self.optimizer)
        self.listen(Evaluated(iteration, evaluation, best))


class _Clock:
    """Where the time goes."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self.restart()

    def restart(self) -> None:
        self.began = time.perf_counter()
        self.waited = 0.0
        self.batches = 0

    def watch(self, batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - asked
            if batch is None:
                return
            self.batches += 1
            yield batch

    def step(self, iteration: int, iterations: int, loss: float, lr: float, skipped: int) -> Step:
        seconds = time.perf_counter() - self.began
        each = seconds / max(self.batches, 1)
        step = Step(
            iteration=iteration,
            iterations=iterations,
            loss=loss,
            lr=lr,
            pictures_per_second=self.batch_size / each,
            seconds_left=each * (iterations - iteration),
            waiting=self.waited / seconds,
            skipped=skipped,
        )
        self.restart()
        return step


def _batch_norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]


def _mix(seed: int, iteration: int) -> int:
    """One seed from two numbers, different for each pair that a run meets."""
    return (seed * 1_000_003 + iteration) % 2**63
