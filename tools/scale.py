"""What more processes and readers are worth, as ratios measured in one run.

    python -m tools.scale [--steps 12] [--rounds 3] [--json FILE]

processes  a step of MobileNetV2 at output stride 16, batch 8: one process on one core against two on two cores, wall
           and CPU seconds; they take turns, round by round. Of crops of 97, as the quickstart has, with batch norm
           trained and frozen, and of crops of 321.
loading    batches of crop 513 from VOC-sized pictures with 1, 2 and 4 workers that do nothing else, against the step
           they feed (MobileNetV2 at output stride 16, batch 4, as many threads as cores unless OMP_NUM_THREADS is set).
bytes      the gradient of each network of the table, which each process sends and receives once a step: about
           2 (N - 1) / N times as much for N processes in a ring.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from segkit.base.label_files import save_label
from segkit.base.labels import VOC_CLASSES, voc_palette
from segkit.base.machine import describe_machine
from segkit.base.pictures import save_picture
from segkit.base.ranks import joined
from segkit.benchmark.published import NETWORKS
from segkit.data.folder import FolderDataset
from segkit.data.loader import READ_AHEAD, training_batches
from segkit.data.shapes import CLASSES
from segkit.models.build import build_network
from segkit.recipe.build import training_transform
from segkit.recipe.config import TrainConfig
from segkit.recipe.reading import load_config
from segkit.training.learner import Learner

CROP, BATCH, PICTURES = 513, 4, 24
BATCHES = 40
WORKERS = (1, 2, 4)
BEGUN = READ_AHEAD * max(WORKERS)
"""The batches that are there, or begun, when the first is: they are not timed."""


KINDS = {
    "crop 97": [],
    "crop 97, batch norm frozen": ["train.batch_norm=freeze"],
    "crop 321": ["train.crop=321"],
}
"""What the quickstart's recipe is changed by."""


def steps(count: int, kind: str) -> None:
    """In one of several processes, or alone: what `count` steps take, which the first prints as JSON."""
    changes = ["train.device=cpu", "train.precision=fp32", *KINDS[kind]]
    config = load_config(Path("shapes_quickstart"), changes).train
    with joined("cpu") as ranks:
        torch.manual_seed(0)
        network = build_network("mobilenet_v2", classes=CLASSES, aspp=False, output_stride=16)
        network.fresh = frozenset()  # as if its statistics came with weights, so that there is something to freeze
        learner = Learner(config, network, torch.device("cpu"), None, ranks)
        share, side = config.batch_size // ranks.size, config.crop
        images = torch.randint(0, 256, (share, 3, side, side), dtype=torch.uint8)
        labels = torch.randint(0, len(CLASSES), (share, side, side), dtype=torch.uint8)
        learner.step(0, images, labels)
        ranks.wait()
        began, used = time.perf_counter(), time.process_time()
        for iteration in range(1, count + 1):
            learner.step(iteration, images, labels)
        took = time.perf_counter() - began
        cpu = float(ranks.total(torch.tensor(time.process_time() - used, dtype=torch.float64)))
        if ranks.is_first:
            print(json.dumps({"wall": took / count, "cpu": cpu / count}))


def processes(count: int, rounds: int) -> dict[str, float]:
    """Wall and CPU seconds a step of one process and of two, and their ratios; medians over the rounds."""
    found: dict[str, list[float]] = {}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for _, kind, size in product(range(rounds), KINDS, (1, 2)):
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(size), "-m", "tools.scale"]
        command += ["--worker", str(count), "--kind", kind]
        run = subprocess.run(command, env=environment, capture_output=True, check=True)
        for name, value in json.loads(run.stdout).items():
            found.setdefault(f"{kind}: {name} {size}", []).append(value)
    medians = {name: statistics.median(values) for name, values in found.items()}
    ratios = {
        f"{kind}: {name} 1 / 2": medians[f"{kind}: {name} 1"] / medians[f"{kind}: {name} 2"]
        for kind, name in product(KINDS, ("wall", "cpu"))
    }
    return medians | ratios


def loading(folder: Path, batches: int) -> dict[str, float]:
    """Wall and CPU seconds a batch of each number of workers, and of the step that it feeds."""
    dataset = draw(folder)
    config = TrainConfig(batch_size=BATCH, crop=CROP, device="cpu", jitter=0.4)
    transform = training_transform(config, mean=[127.5] * 3)
    found = {}
    before = children_seconds()
    for workers in WORKERS:
        source = training_batches(
            dataset,
            transform,
            batch_size=BATCH,
            seed=0,
            first_iteration=0,
            iterations=BEGUN + batches,
            workers=workers,
        )
        images, labels = list(islice(source, BEGUN))[-1]
        began = time.perf_counter()
        count = sum(1 for _ in source)
        found[f"batch, {workers} workers"] = (time.perf_counter() - began) / count
    found["CPU a batch"] = (children_seconds() - before) / (len(WORKERS) * (BEGUN + batches))
    learner = Learner(config, NETWORKS["mobilenet_v2"].build(16), torch.device("cpu"))
    labels[labels > len(VOC_CLASSES) - 1] = 255
    times = []
    for iteration in range(4):
        began = time.perf_counter()
        learner.step(iteration, images, labels)
        times.append(time.perf_counter() - began)
    found["step"] = statistics.median(times[1:])
    ratios = {
        f"step / batch, {workers} workers": found["step"] / found[f"batch, {workers} workers"] for workers in WORKERS
    }
    return found | ratios


def children_seconds() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def draw(folder: Path) -> FolderDataset:
    """Pictures of noise on ramps, 500x375 as VOC's are, as JPEG with indexed PNGs."""
    generator = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 500, dtype=np.float64)[None, :, None]
    for number in range(PICTURES):
        picture = (ramp + generator.normal(30, 20, (375, 500, 3))).clip(0, 255).astype(np.uint8)
        label = np.repeat(np.repeat(generator.integers(0, 21, (15, 20), dtype=np.uint8), 25, 0), 25, 1)
        save_picture(folder / "images" / "train" / f"{number}.jpg", picture)
        save_label(folder / "labels" / "train" / f"{number}.png", label, voc_palette(21))
    return FolderDataset(root=folder, split="train", classes=VOC_CLASSES)


def gradient_bytes() -> dict[str, int]:
    """Of each network of the table, in float32 as they are sent."""
    networks = {name: network.build(16) for name, network in NETWORKS.items()}
    return {name: 4 * sum(each.numel() for each in network.parameters()) for name, network in networks.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.worker:
        steps(given.worker, given.kind)
        return
    with TemporaryDirectory() as folder:
        found = {
            "machine": describe_machine(),
            "processes": processes(given.steps, given.rounds),
            "loading": loading(Path(folder), BATCHES),
            "bytes": gradient_bytes(),
        }
    for name, figures in found.items():
        print(name, *(f"  {key:40} {value}" for key, value in figures.items()), sep="\n")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
