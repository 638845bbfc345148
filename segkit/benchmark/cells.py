"""Many evaluations of one data set, in one pass over its pictures, resumable at any picture.

A folder holds, for each cell (a network under a setting), `NAME.jsonl` while it is measured: what it is of in the first
line, then a picture's counts a line; and `NAME.json`, an evaluation as `segkit evaluate --json` writes it, once it is
done.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from segkit.base.files import file_digest, make_folder, write_atomically
from segkit.benchmark.lines import PictureLines, check_same
from segkit.benchmark.published import Network, Setting
from segkit.data.dataset import Dataset, Sample
from segkit.evaluation.evaluate import check_classes, count_picture, predict_classes, protocol_of
from segkit.evaluation.inference import Segmenter
from segkit.evaluation.result import Evaluation, PictureCounts, read_evaluation


class Cell(NamedTuple):
    """A network under a setting."""

    network: Network
    setting: Setting

    @property
    def name(self) -> str:
        """Such as "mobilenet_v2_aspp-os8_mf"."""
        return f"{self.network.name}-{self.setting.name}"


Models = Mapping[tuple[Network, int], Segmenter]
"""Networks by what they are and their output stride."""


def measure_cells(
    cells: Sequence[Cell],
    models: Models,
    weights: Mapping[Network, Path],
    dataset: Dataset,
    folder: Path,
    *,
    about: Mapping[str, Any],
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Cell, Evaluation]:
    """The evaluation of each cell on `dataset`; those that are stored in `folder` are read, the others measured.

    `weights` are the files that `models` were made of; `about` (data, split, ...) goes into every protocol. A picture
    is read once for all cells. `progress(done, total)` is called after each picture. Raises OutputError where the
    folder holds the counts of other weights, data or protocol.
    """
    make_folder(folder)
    sums = {network: file_digest(path) for network, path in weights.items()}
    found: dict[Cell, Evaluation] = {}
    waiting: list[_Measurement] = []
    for cell in cells:
        model = models[cell.network, cell.setting.output_stride]
        check_classes(dataset.classes, model.classes)
        protocol = {
            "pictures": len(dataset),
            **protocol_of(model, scales=cell.setting.scales, flip=cell.setting.mf, precision=precision),
            "weights": str(weights[cell.network]),
            "weights_sha256": sums[cell.network],
            **about,
        }
        measurement = _Measurement(folder / cell.name, cell, model, protocol, precision)
        if (stored := measurement.stored()) is not None:
            found[cell] = stored
        else:
            waiting.append(measurement)
    found |= _measure(waiting, dataset, progress)
    return {cell: found[cell] for cell in cells}


def _measure(
    waiting: Sequence["_Measurement"], dataset: Dataset, progress: Callable[[int, int], None] | None
) -> dict[Cell, Evaluation]:
    for measurement in waiting:
        measurement.lines.load()
        measurement.lines.open()
    try:
        for index, name in enumerate(dataset.ids):
            missing = [measurement for measurement in waiting if name not in measurement.lines.found]
            if missing:
                sample = dataset[index]
                for measurement in missing:
                    measurement.add(sample)
            if progress is not None:
                progress(index + 1, len(dataset))
        return {measurement.cell: measurement.finish(dataset.ids) for measurement in waiting}
    finally:
        for measurement in waiting:
            measurement.lines.close()


@dataclass
class _Measurement:
    """A cell while it is measured."""

    path: Path  # without ending
    cell: Cell
    model: Segmenter
    protocol: dict[str, Any]
    precision: torch.dtype

    def __post_init__(self) -> None:
        self.json = self.path.with_name(f"{self.path.name}.json")
        self.lines = PictureLines(
            self.path.with_name(f"{self.path.name}.jsonl"), self.protocol, check=self._check_same, parse=_parse
        )

    def stored(self) -> Evaluation | None:
        if not self.json.is_file():
            return None
        evaluation = read_evaluation(self.json)
        self._check_same(evaluation.protocol)
        return evaluation

    def add(self, sample: Sample) -> None:
        setting = self.cell.setting
        began = time.perf_counter()
        prediction = predict_classes(
            self.model, sample.image, scales=setting.scales, flip=setting.mf, precision=self.precision
        )
        counts = count_picture(sample, prediction, len(self.model.classes))
        seconds = time.perf_counter() - began
        self.lines.add(counts.name, (counts, seconds), {"picture": counts.to_json(), "seconds": round(seconds, 4)})

    def finish(self, ids: Sequence[str]) -> Evaluation:
        found = [self.lines.found[name] for name in ids]
        pictures = tuple(counts for counts, _ in found)
        result = Evaluation(self.model.classes, pictures, self.protocol, sum(seconds for _, seconds in found))
        write_atomically(self.json, json.dumps(result.to_json()) + "\n")
        self.lines.close()
        self.lines.path.unlink()
        return result

    def _check_same(self, before: Any) -> None:
        way_out = "remove its .json and .jsonl to measure it again"
        check_same(self.path, self.protocol, before, way_out=way_out)


def _parse(stored: Any) -> tuple[str, tuple[PictureCounts, float]]:
    counts = PictureCounts.from_json(stored["picture"])
    return counts.name, (counts, float(stored["seconds"]))
