"""`segkit benchmark --runtime`: files as their runtimes run them."""

from pathlib import Path
from typing import TYPE_CHECKING

from segkit.base.errors import ConfigError
from segkit.base.files import write_atomically
from segkit.cli.report import make_file_ready, make_ready, picture_progress, show, write_json
from segkit.cli.weights import obtain, recipe_behind
from segkit.report.runtimes import HEADING, runtime_markdown, runtime_text, write_runtime_page

if TYPE_CHECKING:
    from segkit.deploy.foreign import InputTold


def benchmark_runtimes(
    words: list[str],
    *,
    told: "InputTold | None",
    data: Path | None,
    split: str | None,
    limit: int | None,
    is_scored: bool,
    is_timed: bool,
    out: Path,
    markdown: Path | None,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    """Score and time the files among `words`; the others are changes to the recipe `data`, else to the first file's."""
    from segkit.benchmark.runtimes import Scores, is_file_of_row, read_rows, runtime_table, time_rows
    from segkit.data.dataset import FirstPictures
    from segkit.recipe.build import open_dataset

    files = [word for word in words if "=" not in word or is_file_of_row(word)]
    rows = read_rows(files, obtain)
    overrides = [word for word in words if word not in files]
    if overrides and not is_scored:
        raise ConfigError(f"{overrides[0]}: --no-eval scores nothing: leave one of them out")
    make_ready(json_file, html_file, holds=("runtimes", "machine"))
    make_file_ready(markdown, lambda file: HEADING.encode() in file.read_bytes())
    dataset, scores = None, None
    if is_scored:
        config = recipe_behind(Path(rows[0].source), data, overrides)
        split = split or config.needed_data.val_split
        dataset = open_dataset(config.needed_data, split)
        if limit is not None:
            dataset = FirstPictures(dataset, limit)
        about = {"data": config.needed_data.kind, "split": split}
        with picture_progress(f"{len(rows)} files on {len(dataset)} pictures") as progress:
            scores = Scores(rows, dataset, out, about=about, canvas=config.model.canvas, told=told, progress=progress)
    speeds = {}
    if is_timed:
        with picture_progress("turns") as progress:
            speeds = time_rows(rows, dataset, told=told, progress=progress)
    table = runtime_table(rows, scores, speeds)
    show(runtime_text(table))
    write_json(json_file, table)
    if markdown is not None:
        write_atomically(markdown, runtime_markdown(table))
    if html_file is not None:
        write_runtime_page(html_file, table)
