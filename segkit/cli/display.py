"""What a training says, on a terminal."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID
from rich.text import Text

from segkit.base.errors import printable
from segkit.cli.say import DESCRIPTION
from segkit.report.numbers import duration, percent

if TYPE_CHECKING:
    from segkit.evaluation.result import Evaluation
    from segkit.training.events import Event, Step


class Display:
    """A live line on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.live = self.console.is_terminal
        self.progress = Progress(BarColumn(bar_width=20), DESCRIPTION, console=self.console)
        self.task: TaskID | None = None
        self.best: Evaluation | None = None

    def __enter__(self) -> "Display":
        if self.live:
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def listen(self, event: "Event") -> None:
        """Show what a training says."""
        from segkit.training.events import Evaluated, Note

        if isinstance(event, Note):
            self._line(f"note: {event.text}")
        elif isinstance(event, Evaluated):
            if event.best:
                self.best = event.evaluation
            mark = " (best so far)" if event.best else ""
            self._line(f"{event.iteration:>7}  val mIoU {percent(event.evaluation.miou)} %{mark}")
        else:
            self._step(event)

    def _step(self, step: "Step") -> None:
        text = (
            f"{step.iteration:>7}/{step.iterations}  loss {step.loss:.4f}  lr {step.lr:.5f}  "
            f"{step.pictures_per_second:.1f} pictures/s  {duration(step.seconds_left)} left  "
            f"{percent(step.waiting, 0)} % waiting for data"
        )
        if step.skipped:
            text += f"  {step.skipped} skipped"
        if step.bad_pictures:
            text += f"  {step.bad_pictures} pictures left out"
        if not self.live:
            self._line(text)
            return
        if self.task is None:
            self.task = self.progress.add_task(text, total=step.iterations)
        self.progress.update(self.task, completed=step.iteration, description=text)

    def _line(self, text: str) -> None:
        self.console.print(Text(printable(text)), soft_wrap=True)  # neither markup nor emoji
