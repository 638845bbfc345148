"""How often an interval holds the truth: pictures are drawn again and again from an evaluation whose mIoU is known.

    python -m tools.coverage EVALUATION.json [--against OTHER.json] [--sizes 100 145 233 500] [--samples 300]

The pictures of the evaluation (of `segkit evaluate --json`) are the world, its mIoU the truth. Each sample is so many
pictures drawn from it, from which a figure and its interval are computed as segkit does; the share of the samples whose
interval holds the truth is the coverage, which should be 95 %. Besides all classes as they are, a second world keeps
eleven of them and thins three of those to one picture in forty, as in small sets with rare classes. With `--against`
differences between two evaluations of the same pictures are tried too. Prints Markdown.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segkit.evaluation.compare import paired
from segkit.evaluation.intervals import (
    Interval,
    influences,
    interval,
    jackknife_interval,
    left_out_iou,
    mean_iou,
    resampled_iou,
)
from segkit.evaluation.result import read_evaluation

KEPT, THINNED, SHARE = 11, 3, 1 / 40
DRAWS = 400
BINS = (2, 3, 5, 10, 20, 40, 10**9)
"""Classes are told apart by how many pictures of the sample have them in their labels."""


class World(NamedTuple):
    """Pictures to draw from: their counts (pictures, 3, classes), of one evaluation or several, and their weights."""

    name: str
    counts: list[np.ndarray]
    weights: np.ndarray  # sums to 1

    def truth(self, of: int = 0) -> np.ndarray:
        """The IoU of each class that ever larger samples come to."""
        right, labelled, predicted = np.tensordot(self.weights, self.counts[of].astype(np.float64), 1)
        return np.asarray(right / (labelled + predicted - right))

    def samples(self, size: int, number: int) -> Iterator[np.ndarray]:
        """Pictures by number, drawn with replacement: the same for the same size."""
        rng = np.random.default_rng(size)
        for _ in range(number):
            yield rng.choice(len(self.weights), size, p=self.weights)


def whole_world(counts: list[np.ndarray]) -> World:
    """The pictures as they are."""
    return World("as it is", counts, np.full(len(counts[0]), 1 / len(counts[0])))


def rare_world(counts: list[np.ndarray]) -> World:
    """KEPT of the classes, the last THINNED of them thinned to SHARE of the pictures each."""
    counts = [part[:, :, :KEPT] for part in counts]
    present = counts[0][:, 1] > 0
    rare = present[:, -THINNED:]
    weights = np.where(rare.any(1), 0.0, (1 - THINNED * SHARE) / np.count_nonzero(~rare.any(1)))
    for one in rare.T:
        weights[one] += SHARE / np.count_nonzero(one)
    return World(f"{KEPT} classes, {THINNED} of them rare", counts, weights / weights.sum())


class Tally:
    """How often intervals hold a truth, and how wide they are."""

    def __init__(self) -> None:
        self.held: list[bool] = []
        self.widths: list[float] = []

    def add(self, found: Interval, truth: float) -> None:
        """Count an interval; one that tells nothing is left out."""
        if found.to_json() is not None:
            self.held.append(found.holds(truth))
            self.widths.append(found.high - found.low)

    def __str__(self) -> str:
        return f"{100 * np.mean(self.held):.0f}, {100 * np.mean(self.widths):.1f}" if self.held else "-"


def miou_coverage(world: World, size: int, number: int) -> tuple[dict[str, Tally], dict[tuple[str, int], Tally], float]:
    """Of the mIoU by method, of a class's IoU by method and bin, and by how much the mIoU of samples is off."""
    truth = world.truth()
    true_miou = float(mean_iou(truth))
    whole: dict[str, Tally] = defaultdict(Tally)
    classes: dict[tuple[str, int], Tally] = defaultdict(Tally)
    found = []
    for chosen in world.samples(size, number):
        counts = world.counts[0][chosen]
        draws, left_out, weights = resampled_iou(counts, draws=DRAWS), left_out_iou(counts), influences(counts)
        iou = iou_of(counts)
        found.append(float(mean_iou(iou)))
        sure = jackknife_interval(found[-1], mean_iou(left_out), mean_iou(weights))
        whole["percentile"].add(interval(mean_iou(draws)), true_miou)
        whole["jackknife"].add(sure, true_miou)
        for label, pictures in enumerate(np.count_nonzero(counts[:, 1], axis=0)):
            if pictures >= BINS[0]:
                least = max(bound for bound in BINS if bound <= pictures)
                classes["percentile", least].add(interval(draws[:, label]), truth[label])
                classes["jackknife", least].add(
                    jackknife_interval(iou[label], left_out[:, label], weights[:, label]), truth[label]
                )
    return whole, classes, float(np.mean(found)) - true_miou


def difference_coverage(world: World, size: int, number: int) -> dict[str, Tally]:
    """Of the difference in mIoU between the two evaluations of a world, by method."""
    truth = float(mean_iou(world.truth(1)) - mean_iou(world.truth(0)))
    tallies: dict[str, Tally] = defaultdict(Tally)
    for chosen in world.samples(size, number):
        pair = [counts[chosen] for counts in world.counts]
        a, b = (mean_iou(resampled_iou(counts, draws=DRAWS)) for counts in pair)
        tallies["percentile"].add(interval(b - a), truth)
        out = [mean_iou(left_out_iou(counts)) for counts in pair]
        value = miou_of(pair[1]) - miou_of(pair[0])
        # Shares are cut to 0..1, differences are not: a third as large and moved to the middle they are not cut.
        weights = mean_iou(influences(pair[1])) - mean_iou(influences(pair[0]))
        moved = jackknife_interval(0.5 + value / 3, 0.5 + (out[1] - out[0]) / 3, weights)
        tallies["jackknife"].add(Interval(3 * (moved.low - 0.5), 3 * (moved.high - 0.5)), truth)
    return tallies


def iou_of(counts: np.ndarray) -> np.ndarray:
    """The IoU of each class over pictures, by their counts."""
    right, labelled, predicted = counts.sum(0)
    with np.errstate(invalid="ignore"):
        return np.asarray(right / (labelled + predicted - right))


def miou_of(counts: np.ndarray) -> float:
    """The mIoU of pictures, by their counts."""
    return float(mean_iou(iou_of(counts)))


def show(worlds: list[World], sizes: list[int], number: int) -> None:
    """Try and print everything."""
    print("| pictures | percentile bootstrap | jackknife + t | mIoU of samples is off by |\n|---|---|---|---|")
    binned: dict[tuple[str, int], Tally] = defaultdict(Tally)
    for world in worlds:
        for size in sizes:
            whole, classes, bias = miou_coverage(world, size, number)
            print(f"| {world.name}, {size} | {whole['percentile']} | {whole['jackknife']} | {100 * bias:+.1f} |")
            for key, tally in classes.items():
                binned[key].held += tally.held
                binned[key].widths += tally.widths
    print("\n| pictures of a class | percentile bootstrap | jackknife + t |\n|---|---|---|")
    for least, after in pairwise(BINS):
        name = f"{least} and more" if after == BINS[-1] else f"{least} to {after - 1}".removesuffix(f" to {least}")
        print(f"| {name} | {binned['percentile', least]} | {binned['jackknife', least]} |")
    if len(worlds[0].counts) > 1:
        print("\n| difference, pictures | percentile bootstrap | jackknife + t |\n|---|---|---|")
        for world in worlds:
            for size in sizes:
                found = difference_coverage(world, size, number)
                print(f"| {world.name}, {size} | {found['percentile']} | {found['jackknife']} |")


def main() -> None:
    """Read the evaluations and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 145, 233, 500])
    parser.add_argument("--samples", type=int, default=300)
    options = parser.parse_args()
    files = [options.evaluation, *([options.against] if options.against else [])]
    counts = [evaluation.counts for evaluation in paired([read_evaluation(file) for file in files])]
    print("Coverage in % of the nominal 95, mean width in points.\n")
    show([whole_world(counts), rare_world(counts)], options.sizes, options.samples)


if __name__ == "__main__":
    main()
