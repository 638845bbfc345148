"""`segkit train`."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.base import torchrun
from segkit.base.errors import StoppedError
from segkit.cli.app import app
from segkit.cli.display import Display
from segkit.cli.evaluate import show_evaluation
from segkit.cli.options import Overrides, Recipe
from segkit.cli.report import picture_progress, write_report
from segkit.cli.say import note, say
from segkit.cli.weights import obtain_start
from segkit.report.numbers import percent

if TYPE_CHECKING:
    from segkit.base.ranks import Ranks
    from segkit.data.dataset import Dataset
    from segkit.evaluation.result import Evaluation
    from segkit.models.deeplabv3 import DeepLabV3
    from segkit.recipe.config import Config
    from segkit.report.gallery import PageGallery


@app.command(epilog="Example: segkit train camvid_mobilenet_v2 train.iterations=500 --out runs/try")
def train(
    config: Recipe,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run [default: runs/ and the recipe's name].")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
) -> None:
    """Train a network by a recipe; write the models, the metrics, overlays of validation pictures and a report.

    Ctrl+C, SIGTERM and SIGHUP end it when the step at hand is done, with all written that is needed to go on, the
    report too, and exit status 128 and the signal's number; a second one ends it at once. SIGUSR1 has it write and go
    on. Started by torchrun, several processes share each batch; where torchrun starts them again they go on by
    themselves.
    """
    from segkit.base.ranks import joined
    from segkit.recipe.reading import load_config

    recipe = load_config(config, overrides or [], tell=note)
    out = out or Path("runs") / config.stem
    with joined(recipe.train.device) as ranks:
        ranks.in_turn(lambda: obtain_start(recipe, out))
        _train(recipe, out, ranks, resume=resume or torchrun.restarts() > 0)


def _train(recipe: "Config", out: Path, ranks: "Ranks", *, resume: bool) -> None:
    from segkit.training.train import train as run

    with Display() as display:
        try:
            result = run(recipe, out, resume=resume, listen=display.listen)
        except StoppedError as error:
            if ranks.is_first and display.best is not None:
                _write_report(recipe, out, display.best)
            ranks.wait()  # as torchrun ends all when one has ended
            command = shlex.join(["segkit", *sys.argv[1:], *([] if resume else ["--resume"])])
            raise StoppedError(f"{error}: go on with {command}", error.signal) from None
    if ranks.is_first:
        _write_report(recipe, out, display.best)
        say(f"best val mIoU   {percent(result.best_miou)} %")
        say(f"report          {out / 'report.html'}")


def _write_report(recipe: "Config", out: Path, best: "Evaluation | None") -> None:
    """Write the page and the pictures of the best model in `out`, and tell what is where."""
    from segkit.evaluation.pictures import write_comparisons
    from segkit.recipe.build import load_for_data, open_dataset
    from segkit.training.folder import RunFolder
    from segkit.training.log import bad_pictures, read_metrics

    folder = RunFolder(out)
    data = recipe.needed_data
    dataset = open_dataset(data, data.val_split)
    model = load_for_data(
        folder.best,
        dataset,
        output_stride=recipe.model.output_stride,
        canvas=recipe.model.canvas,
        device=recipe.train.device,
    )
    pictures = write_comparisons(model, dataset, out / "overlays")
    about = {"weights": str(folder.best), "data": data.kind, "split": data.val_split}
    evaluation, gallery = _shown(model, dataset, recipe, best, about)
    show_evaluation(evaluation)
    write_report(out / "report.html", evaluation, gallery, source=folder.best, palette=model.palette)
    say(f"best model      {folder.best}")
    say(f"curve           {folder.metrics}")
    if left_out := bad_pictures(read_metrics(folder.metrics)):
        say(f"left out        {left_out} picture{'' if left_out == 1 else 's'} that cannot be read")
    say(f"pictures        {pictures[0].parent} (picture, truth, prediction, error)")
    say(f"next            segkit predict {folder.best} YOUR_PICTURES --out predicted")
    say(f"                segkit evaluate {folder.best}")
    if evaluation.remark is not None:
        say(f"note            {evaluation.remark}: train longer, or start from weights")


def _shown(
    model: "DeepLabV3", dataset: "Dataset", recipe: "Config", best: "Evaluation | None", about: dict[str, str]
) -> "tuple[Evaluation, PageGallery]":
    """The evaluation of the best model, with its pictures; it is made again where an earlier run had found the best."""
    from segkit.base.device import choose_precision
    from segkit.evaluation.evaluate import evaluate
    from segkit.evaluation.gallery import Gallery, gallery_of
    from segkit.evaluation.inference import predict_label

    precision = choose_precision(recipe.train.precision, model.device)
    if best is not None:
        gallery = gallery_of(
            best, dataset, lambda index, sample: predict_label(model, sample.image, precision=precision)
        )
        return replace(best, protocol={**best.protocol, **about}), gallery
    kept = Gallery(model.palette, pictures=len(dataset))
    with picture_progress(f"{len(dataset)} pictures") as progress:
        best = evaluate(model, dataset, precision=precision, about=about, keep=kept.keep, progress=progress)
    return best, kept.details(best, dataset)
