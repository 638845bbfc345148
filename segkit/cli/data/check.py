"""`segkit data check`."""

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from segkit.base.errors import DataError
from segkit.cli.app import data_app
from segkit.cli.options import HtmlFile, JsonFile, Overrides, Recipe
from segkit.cli.report import make_ready, picture_progress, show, write_json
from segkit.cli.say import note, say
from segkit.report.numbers import percent
from segkit.report.sheet import Sheet

if TYPE_CHECKING:
    from segkit.data.check.thorough import DataCheck
    from segkit.data.dataset import Dataset
    from segkit.data.finding import Finding
    from segkit.recipe.config import Config

_LISTED = 5  # findings of a kind that the terminal shows; the files have all


@data_app.command(epilog="Example: segkit data check my_data.yaml data.root=my_data --html check.html")
def check(
    config: Recipe,
    overrides: Overrides = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that read [default: one a core].")] = None,
) -> None:
    """Look at every picture and label of the recipe's splits: what is wrong, in which file, and how to mend it.

    The exit status is 1 if there are errors, 0 if there is nothing or only warnings.
    """
    from segkit.base.cores import available_cores
    from segkit.data.check.examples import read_examples
    from segkit.data.check.thorough import check_splits
    from segkit.recipe.reading import load_config
    from segkit.report.data_page import write_data_page

    recipe = load_config(config, overrides or [], tell=note)
    make_ready(json_file, html_file, holds=("splits", "findings"))
    datasets, before = _opened(recipe)
    with picture_progress(f"{sum(map(len, datasets.values()))} pictures") as progress:
        found = check_splits(
            datasets,
            train=recipe.needed_data.train_split,
            before=before,
            workers=workers or available_cores(),
            progress=progress,
        )
    write_json(json_file, found.to_json())
    if html_file is not None:
        shown = list(read_examples(found.examples, datasets))
        write_data_page(html_file, found.to_json(), shown, title=f"Check of {config.name}")
    _show(found)
    if found.errors:
        raise typer.Exit(1)


def _opened(recipe: "Config") -> "tuple[dict[str, Dataset], list[Finding]]":
    """The train and the val split, and what was found while they were opened; DataError if neither opens."""
    from segkit.data.finding import Finding
    from segkit.recipe.build import open_dataset

    datasets: dict[str, Dataset] = {}
    before: list[Finding] = []
    for split in dict.fromkeys((recipe.needed_data.train_split, recipe.needed_data.val_split)):
        findings: list[Finding] = []
        try:
            datasets[split] = open_dataset(recipe.needed_data, split, findings=findings)
        except DataError as error:
            findings.append(Finding("error", "", str(error), "split cannot be opened"))
        before += [finding._replace(split=split) for finding in findings]
    if not datasets:
        raise DataError(before[0].message)
    return datasets, before


def _show(found: "DataCheck") -> None:
    """Print the class balance, then the findings by kind, then the counts."""
    header = ["class"]
    rows = [[name] for name in found.classes]
    for split in found.splits:
        header += [f"{split.name} pixels %", "pictures"]
        for row, pixels, holding in zip(rows, split.pixels, split.holding, strict=True):
            row += [percent(pixels / max(1, sum(split.pixels)), 3), str(holding)]
    show([Sheet(tuple(header), tuple(map(tuple, rows)))])
    for split in found.splits:
        sizes = ", ".join(f"{width}x{height} ({count})" for width, height, count in split.sizes[:3])
        more = f" and {len(split.sizes) - 3} more sizes" if len(split.sizes) > 3 else ""
        ignored = split.ignored / max(1, split.ignored + sum(split.pixels))
        say(f"{split.name:15} {split.pictures} pictures, {sizes or 'none read'}{more}; {ignored:.1%} not labelled")
    if found.class_weights is not None:
        weights = ", ".join(f"{weight:g}" for weight in found.class_weights)
        say(f"class weights   'train.class_weights=[{weights}]' (median frequency balancing)")
    for (level, kind), group in groupby(found.findings, key=lambda finding: (finding.level, finding.kind)):
        same = list(group)
        say("", f"{level}: {kind} ({len(same)})")
        for finding in same[:_LISTED]:
            say(f"  {f'{finding.split}: ' if finding.split else ''}{finding.message}")
        if len(same) > _LISTED:
            say(f"  ... and {len(same) - _LISTED} more: --json and --html have all")
    warnings = len(found.findings) - found.errors
    say("", f"{_counted(found.errors, 'error')}, {_counted(warnings, 'warning')}, in {found.seconds:.0f} s")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
