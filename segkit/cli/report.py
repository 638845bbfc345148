"""The page of an evaluation, as `segkit evaluate --html` and `segkit train` write it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from segkit.base.labels import Palette
    from segkit.evaluation.result import Evaluation
    from segkit.report.gallery import PageGallery


def write_report(
    path: Path, evaluation: "Evaluation", gallery: "PageGallery", *, weights: Path, palette: "Palette"
) -> None:
    """Write the page, with the recipe in the weights and the curves beside them where a training made them."""
    from segkit.report.html import write_evaluation_page
    from segkit.training.log import read_metrics
    from segkit.weights.files import read_training

    training = read_training(weights)
    config = training.get("config")
    write_evaluation_page(
        path,
        evaluation.to_json(),
        title="/".join(weights.parts[-2:]),
        palette=palette,
        gallery=gallery,
        curve=[] if config is None else read_metrics(weights.with_name("metrics.jsonl")),
        config=config,
        teacher=training.get("teacher"),
    )


@contextmanager
def picture_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar, on a terminal only, while pictures are worked through; called with how many are done, of how many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
