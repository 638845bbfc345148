"""Many evaluations of one data set, in one pass over its pictures, resumable at any picture.

A folder holds, for each cell (a network under a setting), `NAME.jsonl` while it is measured: what it is of in the first
line, then a picture's counts a line; and `NAME.json`, an evaluation as `segkit evaluate --json` writes it, once it is
done.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import torch

from segkit.base.files import file_digest, make_folder, write_atomically
from segkit.base.machine import describe_run
from segkit.benchmark.lines import PictureLines, check_same
from segkit.benchmark.published import Network, Setting
from segkit.data.dataset import Dataset, Sample
from segkit.evaluation.evaluate import check_classes, count_picture, protocol_of
from segkit.evaluation.inference import Segmenter, predict_label
from segkit.evaluation.result import Evaluation, read_evaluation
from segkit.evaluation.scoring import read_ahead
from segkit.weights.lineage import read_lineage


class Cell(NamedTuple):
    """A network under a setting."""

    network: Network
    setting: Setting

    @property
    def name(self) -> str:
        """Such as "mobilenet_v2_aspp-os8_mf"."""
        return f"{self.network.name}-{self.setting.name}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "network": self.network.name,
            "title": self.network.title,
            "aspp": self.network.aspp,
            "output_stride": self.setting.output_stride,
            "mf": self.setting.mf,
        }


Models = Mapping[tuple[Network, int], Segmenter]
"""Networks by what they are and their output stride."""

_WAY_OUT = "remove its .json and .jsonl to measure it again"


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
    known = {
        network: {"weights_sha256": file_digest(path), **read_lineage(path).to_protocol()}
        for network, path in weights.items()
    }
    measurements = []
    for cell in cells:
        model = models[cell.network, cell.setting.output_stride]
        check_classes(dataset.classes, model.classes)
        protocol = {
            "network": cell.network.name,
            **protocol_of(model, dataset, scales=cell.setting.scales, flip=cell.setting.mf, precision=precision),
            "weights": str(weights[cell.network]),
            **known[cell.network],
            **about,
        }
        measurements.append(_Measurement(folder, cell, model, protocol, precision))
    found = {each.cell: stored for each in measurements if (stored := each.stored()) is not None}
    waiting = [each for each in measurements if each.cell not in found]
    with ExitStack() as stack:
        for each in waiting:
            stack.enter_context(each.lines)
        left = [index for index, name in enumerate(dataset.ids) if any(each.lacks(name) for each in waiting)]
        for _, sample in read_ahead(dataset, left, progress=progress):
            for each in waiting:
                if each.lacks(sample.name):
                    each.add(sample)
    found |= {each.cell: each.finish(dataset.ids) for each in waiting}
    return {cell: found[cell] for cell in cells}


class _Measurement:
    """A cell while it is measured."""

    def __init__(
        self, folder: Path, cell: Cell, model: Segmenter, protocol: dict[str, Any], precision: torch.dtype
    ) -> None:
        self.cell, self.model, self.protocol, self.precision = cell, model, protocol, precision
        self.json = folder / f"{cell.name}.json"
        self.lines = PictureLines(folder / f"{cell.name}.jsonl", (cell.name,), protocol, way_out=_WAY_OUT)

    def stored(self) -> Evaluation | None:
        if not self.json.is_file():
            return None
        evaluation = read_evaluation(self.json)
        check_same(self.json, self.protocol, dict(evaluation.protocol), way_out=_WAY_OUT)
        return evaluation

    def lacks(self, name: str) -> bool:
        return name not in self.lines.found

    def add(self, sample: Sample) -> None:
        setting = self.cell.setting
        began = time.perf_counter()
        prediction = predict_label(
            self.model, sample.image, scales=setting.scales, flip=setting.mf, precision=self.precision
        )
        counts = count_picture(sample, prediction, len(self.model.classes))
        self.lines.add(sample.name, {self.cell.name: counts}, time.perf_counter() - began)

    def finish(self, ids: Sequence[str]) -> Evaluation:
        found = [self.lines.found[name] for name in ids]
        pictures = tuple(each.counts[self.cell.name] for each in found)
        seconds = sum(each.seconds for each in found)
        result = Evaluation(self.model.classes, pictures, self.protocol, seconds, describe_run())
        write_atomically(self.json, json.dumps(result.to_json()) + "\n")
        self.lines.path.unlink()
        return result
