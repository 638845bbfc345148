"""The curves of a run in TensorBoard, where it is installed and asked for."""

from pathlib import Path
from typing import Any

from segkit.base.errors import ConfigError, needs_extra
from segkit.training.events import Evaluated, Event, Step


class TensorBoard:
    """A listener that writes loss, learning rate and validation mIoU below `folder`.

    Nothing is written before the first of them. Raises ConfigError where the package is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ConfigError(
                needs_extra("train.tensorboard=true", "tensorboard", "tensorboard")
                + "; without it metrics.jsonl holds the same"
            ) from None
        self._make_writer = SummaryWriter
        self._folder = folder
        self._writer: Any = None

    def __call__(self, event: Event) -> None:
        """Write what an event has for the curves."""
        if isinstance(event, Step):
            writer = self._open(event.iteration)
            writer.add_scalar("train/loss", event.loss, event.iteration)
            writer.add_scalar("train/lr", event.lr, event.iteration)
        elif isinstance(event, Evaluated):
            writer = self._open(event.iteration)
            writer.add_scalar("val/miou", event.evaluation.miou, event.iteration)
            writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, iteration: int) -> Any:
        if self._writer is None:
            # A resumed run hides what the interrupted one wrote of the iterations that come again.
            self._writer = self._make_writer(str(self._folder), purge_step=iteration)
        return self._writer
