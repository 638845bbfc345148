"""Many evaluations of one data set, in one pass over its pictures, resumable at any picture.

A folder holds, for each cell (a network under a setting) and each network beside the table, `NAME.jsonl` while it is
measured: what it is of in the first line, then a picture's counts a line; and `NAME.json`, an evaluation as `segkit
evaluate --json` writes it, once it is done.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

from segkit.base.files import write_atomically
from segkit.base.machine import describe_run
from segkit.benchmark.lines import PictureLines, check_same
from segkit.benchmark.published import Network, Setting
from segkit.data.dataset import Dataset, Sample
from segkit.deploy.open import load_segmenter
from segkit.evaluation.counts import count_picture
from segkit.evaluation.evaluate import check_classes, protocol_of
from segkit.evaluation.inference import Segmenter, predict_label
from segkit.evaluation.result import Evaluation, read_evaluation
from segkit.evaluation.scoring import read_ahead
from segkit.weights.lineage import told_of_weights


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

Key = TypeVar("Key")
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
    """The evaluation of each cell on `dataset`, as `measure_all` makes them.

    `weights` are the files that `models` were made of; `about` (data, split, ...) goes into every protocol.
    """
    told = {network: {"network": network.name, **told_of_weights(path), **about} for network, path in weights.items()}
    wanted = {
        cell: Measurement(
            folder / f"{cell.name}.json",
            models[cell.network, cell.setting.output_stride],
            dataset,
            scales=cell.setting.scales,
            flip=cell.setting.mf,
            precision=precision,
            about=told[cell.network],
        )
        for cell in cells
    }
    return measure_all(wanted, dataset, progress=progress)


def measure_peers(
    peers: Mapping[str, Path],
    dataset: Dataset,
    folder: Path,
    *,
    canvas: int | None,
    device: torch.device,
    about: Mapping[str, Any],
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Evaluation]:
    """The evaluation of networks that the table has not, by name, in one pass each, as `measure_all` makes them.

    `peers` are files of segkit's own or of a peer of torchvision's, each measured at its own output stride.
    """
    wanted = {
        name: Measurement(
            folder / f"peer_{name}.json",
            load_segmenter(path, classes=dataset.classes, canvas=canvas, device=str(device)),
            dataset,
            precision=precision,
            about={**told_of_weights(path), **about},
        )
        for name, path in peers.items()
    }
    return measure_all(wanted, dataset, progress=progress)


def measure_all(
    wanted: "Mapping[Key, Measurement]", dataset: Dataset, *, progress: Callable[[int, int], None] | None = None
) -> "dict[Key, Evaluation]":
    """Each evaluation: what is stored is read, the others are made in one pass over the pictures of `dataset`.

    `progress(done, total)` is called after each picture. Raises OutputError where what is stored is of other weights,
    data or protocol.
    """
    found = {key: stored for key, each in wanted.items() if (stored := each.stored()) is not None}
    waiting = {key: each for key, each in wanted.items() if key not in found}
    left = [index for index, name in enumerate(dataset.ids) if any(each.lacks(name) for each in waiting.values())]
    for _, sample in read_ahead(dataset, left, progress=progress):
        for each in waiting.values():
            if each.lacks(sample.name):
                each.add(sample)
    found |= {key: each.finish(dataset.ids) for key, each in waiting.items()}
    return {key: found[key] for key in wanted}


class Measurement:
    """An evaluation that is made picture by picture and kept in the file `path`; `about` goes into its protocol.

    Raises DataError where the data set's classes are not the model's, OutputError for counts of another protocol.
    """

    def __init__(
        self,
        path: Path,
        model: Segmenter,
        dataset: Dataset,
        *,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        precision: torch.dtype,
        about: Mapping[str, Any],
    ) -> None:
        check_classes(dataset.classes, model.classes)
        self.path, self.model = path, model
        self.scales, self.flip, self.precision = scales, flip, precision
        self.protocol = {**protocol_of(model, dataset, scales=scales, flip=flip, precision=precision), **about}
        self.lines = PictureLines(path.with_suffix(".jsonl"), (path.stem,), self.protocol, way_out=_WAY_OUT)

    def stored(self) -> Evaluation | None:
        """What was finished before, if anything. Raises OutputError for another protocol."""
        if not self.path.is_file():
            return None
        evaluation = read_evaluation(self.path)
        check_same(self.path, self.protocol, evaluation.protocol, way_out=_WAY_OUT)
        return evaluation

    def lacks(self, name: str) -> bool:
        """Whether the picture of this name is not counted yet."""
        return name not in self.lines.found

    def add(self, sample: Sample) -> None:
        """Count a picture."""
        began = time.perf_counter()
        prediction = predict_label(
            self.model, sample.image, scales=self.scales, flip=self.flip, precision=self.precision
        )
        counts = count_picture(sample, prediction, len(self.model.classes))
        self.lines.add(sample.name, {self.path.stem: counts}, time.perf_counter() - began)

    def finish(self, ids: Sequence[str]) -> Evaluation:
        """The evaluation of the pictures `ids`, which are all counted, kept from now on."""
        found = [self.lines.found[name] for name in ids]
        pictures = tuple(each.counts[self.path.stem] for each in found)
        seconds = sum(each.seconds for each in found)
        result = Evaluation(self.model.classes, pictures, self.protocol, seconds, describe_run())
        write_atomically(self.path, json.dumps(result.to_json()) + "\n")
        self.lines.path.unlink(missing_ok=True)
        return result
