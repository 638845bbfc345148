"""What each common mistake costs in mIoU, measured on one set of weights.

    python -m tools.mistakes WEIGHTS [key=value ...] --out FOLDER [--page docs/mistakes.md]

Every mistake is measured on the whole split (by default VOC val, by the recipe voc_mobilenet_v2), with the paired
95 % interval of the change. FOLDER keeps the counts of every picture as soon as they are there, so a run that was
broken off goes on where it was, and a finished one is only read. It receives mistakes.md, mistakes.svg and
mistakes.json; --page writes the table into a page, between its marks, and the plot beside it.

WEIGHTS is a file or a name of a MobileNet with TensorFlow's padding; key=value are the recipe's, as data.root=PATH.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from segkit.base.device import choose_device
from segkit.base.errors import SegkitError
from segkit.base.files import file_digest, make_folder, write_atomically
from segkit.base.machine import describe_machine
from segkit.base.memory import give_back_memory
from segkit.benchmark.lines import PictureLines
from segkit.data.dataset import Dataset, Sample, evenly
from segkit.evaluation.evaluate import check_classes
from segkit.evaluation.scoring import read_ahead
from segkit.models.deeplabv3 import DeepLabV3
from segkit.recipe.build import open_dataset
from segkit.recipe.reading import load_config
from segkit.report.numbers import interval, percent, points
from segkit.weights.build import load_model
from segkit.weights.cache import resolve
from tools.mistakes.catalogue import MISTAKES
from tools.mistakes.changes import Findings, find
from tools.mistakes.networks import Networks, networks
from tools.mistakes.page import plot, table, write_page
from tools.mistakes.passes import GROUPS, Work, group_of

TELL_EVERY = 50
"""Pictures between two words of how long it will take; the first comes after 3."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, then print and write what is known."""
    options = _parser().parse_intermixed_args(arguments)
    try:
        run(options)
    except SegkitError as error:
        sys.exit(f"error: {error}")


def run(options: argparse.Namespace) -> None:
    """The whole of it; raises SegkitError as what it calls does."""
    config = load_config(options.data, options.overrides)
    split = options.split or config.needed_data.val_split
    dataset = open_dataset(config.needed_data, split)
    device = choose_device(options.device)
    weights = resolve(options.weights)

    def load(output_stride: int) -> DeepLabV3:
        return load_model(
            weights, output_stride=output_stride, classes=dataset.classes, canvas=config.model.canvas, train=True
        )

    variants = networks(load, device)
    check_classes(dataset.classes, variants("os16").classes)
    make_folder(options.out)
    about = {
        "weights_sha256": file_digest(weights),
        "data": config.needed_data.model_dump(mode="json"),
        "split": split,
        "canvas": variants("os16").canvas,
    }
    stores = _stores(options.only, options.out, about)
    if not options.report:
        measure(stores, dataset, chosen(len(dataset), options.limit), variants)
    findings = known(stores, dataset)
    hours = sum(counted.seconds for store in stores.values() for counted in store.found.values()) / 3600
    told = about | {"machine": _machine(options), "hours": hours}
    show(findings)
    write(findings, told, options.out)
    if options.page:
        write_page(options.page, findings, told)


def measure(stores: dict[str, PictureLines], dataset: Dataset, indices: Sequence[int], variants: Networks) -> None:
    """Measure the pictures at `indices` that the stores have not got; each is read once for all groups."""
    missing = {
        index: {name: store for name, store in stores.items() if dataset.ids[index] not in store.found}
        for index in indices
    }
    left = [index for index, groups in missing.items() if groups]
    began = time.perf_counter()

    def tell(done: int, total: int) -> None:
        if done == 3 or done % TELL_EVERY == 0:
            hours = (time.perf_counter() - began) / done * (total - done) / 3600
            print(f"{done} of {total} pictures, {hours:.2f} hours left", file=sys.stderr, flush=True)

    for index, sample in read_ahead(dataset, left, progress=tell):
        measure_picture(missing[index], sample, variants)


@torch.inference_mode()
def measure_picture(stores: dict[str, PictureLines], sample: Sample, variants: Networks) -> None:
    """Measure one picture by the groups of the stores, and store it."""
    work = Work(sample, variants)
    for name, store in stores.items():
        began = time.perf_counter()
        counts = GROUPS[name].measure(work)
        store.add(sample.name, counts, time.perf_counter() - began)
    del work
    give_back_memory()


def chosen(count: int, limit: int | None) -> list[int]:
    """The indices of `limit` pictures spread evenly over `count`, or of all."""
    return list(range(count)) if limit is None else evenly(count, limit)


def known(stores: dict[str, PictureLines], dataset: Dataset) -> Findings:
    """What the pictures tell that all stores have in common, in the order of the data set."""
    begun = [store for store in stores.values() if store.found]
    common = [name for name in dataset.ids if begun and all(name in store.found for store in begun)]
    measured = {
        measurement: [store.found[name].counts[measurement] for name in common]
        for store in begun
        for measurement in store.measurements
        if common
    }
    return find(measured, len(dataset.classes))


def show(findings: Findings) -> None:
    """Print a line a mistake."""
    print(f"{findings.pictures} pictures")
    for name, difference in findings.mistakes.items():
        sure = interval(difference.interval, points)
        print(f"{name:22}{percent(difference.b):>7}{points(difference.change):>8}  {sure}")


def write(findings: Findings, about: dict[str, Any], folder: Path) -> None:
    """Write the table, the plot and the figures."""
    figures = {
        **about,
        "pictures": findings.pictures,
        "references": {name: [value, sure.to_json()] for name, (value, sure) in findings.references.items()},
        "mistakes": {
            name: {"title": MISTAKES[name].title, "against": MISTAKES[name].reference, **difference.to_json()}
            for name, difference in findings.mistakes.items()
        },
    }
    write_atomically(folder / "mistakes.json", json.dumps(figures, indent=2) + "\n")
    write_atomically(folder / "mistakes.md", table(findings))
    write_atomically(folder / "mistakes.svg", plot(findings.mistakes))


def _machine(options: argparse.Namespace) -> dict[str, Any]:
    """The machine that measured: with `--report` the one that the folder tells, which may be another than this."""
    told = options.out / "mistakes.json"
    if options.report and told.is_file():
        machine: dict[str, Any] = json.loads(told.read_text())["machine"]
        return machine
    return describe_machine()


def _stores(only: Sequence[str] | None, folder: Path, about: dict[str, Any]) -> dict[str, PictureLines]:
    wanted = [MISTAKES[name] for name in only or MISTAKES]
    needed = {group_of(name) for mistake in wanted for name in (mistake.reference, mistake.measurement)}
    return {
        name: PictureLines(folder / f"{name}.jsonl", group.measurements, about, way_out="remove it to measure again")
        for name, group in GROUPS.items()
        if name in needed
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mistakes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="of the recipe")
    parser.add_argument("--data", type=Path, default=Path("voc_mobilenet_v2"), help="a recipe with the data")
    parser.add_argument("--split", help="default: the recipe's val_split")
    parser.add_argument("--out", type=Path, required=True, help="folder of the counts and the results")
    parser.add_argument("--only", nargs="+", choices=list(MISTAKES), metavar="NAME", help=", ".join(MISTAKES))
    parser.add_argument("--limit", type=_positive, help="so many pictures, spread over the split")
    parser.add_argument("--report", action="store_true", help="measure nothing: tell what is stored")
    parser.add_argument("--page", type=Path, help="a page to write the table into")
    parser.add_argument("--device", default="auto")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("give 1 or more")
    return number


if __name__ == "__main__":
    main()
