"""One step of a training: forward, loss, backward, update, and the moving average of the weights."""

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from segkit.base.device import autocast, choose_precision, memory_for
from segkit.base.errors import ConfigError
from segkit.base.memory import keep_freed_memory
from segkit.base.ranks import ALONE, Ranks
from segkit.models.batch_norm import BatchNorm2d
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.config import TrainConfig
from segkit.training.exchange import sum_over
from segkit.training.freezing import batch_norms, freeze_parts, still_norms
from segkit.training.loss import Totals, jaccard_sums, labelled_pixels, part_loss
from segkit.training.optimizer import build_optimizer
from segkit.training.parts import Part, dropout_of, split_batch
from segkit.training.schedule import Due, ema_decay, learning_rate_share
from segkit.training.teacher import BothSizes, Teacher


class Outcome(NamedTuple):
    """The loss of a batch, and whether the step was taken: it is not where the loss or its gradient is not finite."""

    loss: float
    taken: bool


class Learner:
    """A network on its device, with all that changes it: optimiser, scaling of float16, moving average (`ema`).

    A `teacher`, on the same device, is learnt from beside the labels. `fresh` names the tensors that no starting
    weights gave, as the network does, and `behind` what those weights had been trained on, as their lineage does.
    Of several `ranks` each learns the same from a batch that they share: of what only some of them have computed, the
    sums are exchanged.
    Raises ConfigError where the class weights are not as many as the classes, or the network has not got a part that is
    to be frozen.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: DeepLabV3,
        device: torch.device,
        teacher: Teacher | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.config = config
        self.ranks = ranks
        self.device = device
        self.precision = choose_precision(config.precision, device)
        self.memory_format = torch.channels_last if config.channels_last else torch.contiguous_format
        # torch's types do not know memory_format.
        self.model: DeepLabV3 = model.to(device, memory_format=self.memory_format)  # type: ignore[call-overload]
        self.fresh: Collection[str] = model.fresh
        self.behind: tuple[str, ...] | None = ()
        for layer in batch_norms(self.model).values():
            layer.momentum = config.batch_norm_momentum
            if isinstance(layer, BatchNorm2d):
                layer.ranks = ranks
        freeze_parts(self.model, config.freeze)
        self.ema = copy.deepcopy(self.model).eval().requires_grad_(False) if config.ema else None
        self.optimizer = build_optimizer(
            self.model,
            lr=config.lr,
            head_lr=config.head_lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
        self.teacher = teacher
        network = self.model if teacher is None else BothSizes(self.model)
        # A compiled network shares its weights with the plain one, which is what is saved and evaluated.
        self.forward: Callable[[Tensor], Any] = torch.compile(network) if config.compile else network
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == torch.float16)
        weights, count = config.class_weights, len(model.classes)
        if weights is not None and len(weights) != count:
            raise ConfigError(f"train.class_weights has {len(weights)} weights for {count} classes: give one for each")
        self.class_weights = None if weights is None else torch.tensor(weights, device=device)

    def model_to_keep(self) -> DeepLabV3:
        """The network to evaluate and to save, in evaluation mode: the moving average where there is one."""
        return self.ema if self.ema is not None else self.model.eval()

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that a step changes, by name: of the network, of its moving average, and the momenta."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        if self.ema is not None:
            tensors |= {f"ema.{name}": tensor for name, tensor in self.ema.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            momentum = self.optimizer.state[parameter].get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{name}"] = momentum
        return tensors

    def is_finite(self) -> bool:
        """Whether all of them hold numbers."""
        return all(bool(torch.isfinite(tensor).all()) for tensor in self.tensors().values())

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave. Raises RuntimeError where it is another network's."""
        self.model.load_state_dict(_below("model.", tensors))
        if self.ema is not None:
            self.ema.load_state_dict(_below("ema.", tensors))
        momenta = _below("momentum.", tensors)
        for name, parameter in self.model.named_parameters():
            if name in momenta:
                # In the parameter's own memory layout, as SGD made it.
                self.optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(momenta[name])

    def set_learning_rate(self, iteration: float) -> float:
        """Give every group its learning rate at an iteration; that of the backbone is returned."""
        share = learning_rate_share(self.config, iteration)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * share
        return self.config.lr * share

    def step(self, iteration: int, images: Tensor, labels: Tensor, due: Due | None = None) -> Outcome:
        """Learn from a batch, uint8 (N, 3, H, W) and (N, H, W). A step that is not taken changes nothing.

        Of several processes each is given its share of the batch, and all are told the loss of the whole. `due` is its
        place on the schedule where that is not its iteration.
        """
        if self.device.type == "cpu":
            keep_freed_memory()  # each time, since an evaluation in between may have ended it
        self.model.train()
        for layer in still_norms(self.config, self.model, self.fresh).values():
            layer.eval()
        statistics = self._statistics()
        images, labels = (tensor.to(self.device, non_blocking=True) for tensor in (images, labels))
        images = images.contiguous(memory_format=self.memory_format)
        with memory_for(
            f"a step of batch {self.config.batch_size} in {self.config.accumulate} parts at crop {self.config.crop}",
            "raise train.accumulate, or lower train.crop or train.batch_size",
        ):
            parts = split_batch(self.model, images, labels, config=self.config, iteration=iteration, ranks=self.ranks)
            loss = sum_over(self.ranks, self._backward(parts), self.model.parameters())
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.get_total_norm([p.grad for p in self.model.parameters() if p.grad is not None])
        taken = bool(torch.isfinite(norm + loss))
        if taken:
            self.scaler.step(self.optimizer)
            self._update_ema(due or Due(iteration))
        else:
            self._put_back(statistics)  # the forward pass has moved them, perhaps to NaN
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return Outcome(loss, taken)

    def _backward(self, parts: Sequence[Part]) -> float:
        """What these parts add to the loss of their batch, and to its gradient."""
        totals = self._totals(parts)
        loss = 0.0
        for part in parts:
            share = self._loss(part, totals)
            self.scaler.scale(share).backward()
            loss += share.item()
        return loss

    @torch.no_grad()
    def _totals(self, parts: Sequence[Part]) -> Totals:
        """What the parts have to know of the whole batch; for the Jaccard term of several it takes a forward pass."""
        pictures = self.ranks.size * sum(len(part.labels) for part in parts)
        pixels = torch.stack([labelled_pixels(part.labels, self.class_weights) for part in parts]).sum()
        self.ranks.total(pixels)
        if not self.config.jaccard or len(parts) == 1:
            return Totals(pictures, pixels, ranks=self.ranks)
        statistics = self._statistics()
        sums = [jaccard_sums(self._forward(part)[1], part.labels) for part in parts]
        self._put_back(statistics)
        return Totals(pictures, pixels, self.ranks.total(torch.stack(sums).sum(0)))

    def _loss(self, part: Part, totals: Totals) -> Tensor:
        """The forward pass of a part of a batch, and its loss."""
        small, logits = self._forward(part)
        taught = None
        if self.teacher is not None:
            with autocast(self.device, self.precision):
                taught = self.teacher(part.images)
        return part_loss(
            self.config,
            logits,
            part.labels,
            totals=totals,
            class_weights=self.class_weights,
            small=small,
            taught=taught,
        )

    def _forward(self, part: Part) -> tuple[Tensor | None, Tensor]:
        """The logits before the upsampling, where they are needed, and after it."""
        with dropout_of(self.model, part), autocast(self.device, self.precision):
            logits = self.forward(part.images)
        return (None, logits) if self.teacher is None else logits

    def _statistics(self) -> list[Tensor]:
        return [buffer.clone() for buffer in self.model.buffers()]

    def _put_back(self, statistics: list[Tensor]) -> None:
        for buffer, before in zip(self.model.buffers(), statistics, strict=True):
            buffer.copy_(before)

    @torch.no_grad()
    def _update_ema(self, due: Due) -> None:
        if self.ema is None:
            return
        decay = ema_decay(due.iteration, self.config.ema) ** due.span
        for average, value in zip(self.ema.state_dict().values(), self.model.state_dict().values(), strict=True):
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
