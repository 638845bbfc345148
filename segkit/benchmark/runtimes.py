"""Networks as different runtimes run them: what they score, how far they agree, and how quick and large they are."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segkit.base.cores import available_cores
from segkit.base.errors import ConfigError, DataError
from segkit.base.machine import describe_run
from segkit.benchmark.cost import SIZE
from segkit.benchmark.lines import PictureLines
from segkit.benchmark.turns import Speed, open_row, time_in_turns
from segkit.data.dataset import Dataset, Sample
from segkit.data.shapes import ShapesDataset
from segkit.deploy.foreign import InputTold
from segkit.deploy.formats import check_there, split_runtime
from segkit.deploy.open import told_of_file
from segkit.evaluation.compare import miou_difference
from segkit.evaluation.counts import PictureCounts, count_picture
from segkit.evaluation.evaluate import class_difference, protocol_of
from segkit.evaluation.inference import predict_label
from segkit.evaluation.result import Evaluation
from segkit.evaluation.scoring import read_ahead
from segkit.weights.cache import resolve

THREADS = (1, 2)
SPEED = "speed:"
"""Before a source: it is not scored, since its weights are fresh or of other classes."""
_WAY_OUT = "remove it to measure again"


@dataclass(frozen=True)
class Row:
    """A source that `load_segmenter` takes, scored or timed alone."""

    source: str
    is_scored: bool

    @classmethod
    def of(cls, text: str, obtain: Callable[[str], Path] = resolve) -> "Row":
        """Of "[speed:][RUNTIME:]FILE", or of weights that `obtain` finds. WeightsError where there is no such file."""
        source = text.removeprefix(SPEED)
        runtime, file = split_runtime(source)
        if runtime is None:
            source = str(obtain(source))
        else:
            check_there(file)
        return cls(source, not text.startswith(SPEED))

    @cached_property
    def file(self) -> Path:
        """The file alone."""
        return split_runtime(self.source)[1]

    @property
    def runtime(self) -> str:
        """What runs it."""
        return split_runtime(self.source)[0] or "pytorch"

    @property
    def name(self) -> str:
        """Such as "onnx: model.onnx"."""
        return f"{self.runtime}: {self.file.name}"


class Scores:
    """The scored `rows` on a data set, in one pass over its pictures, kept in `folder` picture by picture.

    `evaluations` are theirs; `agreements` hold the pixels that a row and the first give the same class, of all pixels,
    whether these are labelled or not. Raises OutputError where what is kept is of other rows, data or files,
    ConfigError where no row is scored, and DataError for classes that are not those of the data.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        dataset: Dataset,
        folder: Path,
        *,
        about: Mapping[str, Any],
        canvas: int | None,
        told: InputTold | None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._rows = [row for row in rows if row.is_scored]
        if not self._rows:
            raise ConfigError(f"there is only {SPEED} among the files, of which none is scored: give --no-eval too")
        self._classes = dataset.classes
        models = [open_row(row.source, told=told, classes=dataset.classes, canvas=canvas) for row in self._rows]
        for row, model in zip(self._rows, models, strict=True):
            if apart := class_difference(dataset.classes, model.classes):
                raise DataError(f"{row.name}: {apart}: give other --data, or time it alone as {SPEED}{row.source}")
        self._protocols = [
            {**protocol_of(model, dataset), **told_of_file(Path(row.source), model), **about}
            for row, model in zip(self._rows, models, strict=True)
        ]
        keys = [*map(str, range(len(models))), *(_as_first(number) for number in range(1, len(models)))]
        kept = {row.name: protocol for row, protocol in zip(self._rows, self._protocols, strict=True)}
        lines = PictureLines(folder / "runtimes.jsonl", keys, {"rows": kept}, way_out=_WAY_OUT)
        left = [index for index, name in enumerate(dataset.ids) if name not in lines.found]
        for _, sample in read_ahead(dataset, left, progress=progress):
            began = time.perf_counter()
            predicted = [predict_label(model, sample.image) for model in models]
            lines.add(sample.name, self._counted(sample, predicted), time.perf_counter() - began)
        self._found = [lines.found[name] for name in dataset.ids]

    def _counted(self, sample: Sample, predicted: Sequence[np.ndarray]) -> dict[str, PictureCounts]:
        classes, as_first = len(self._classes), sample._replace(label=predicted[0])
        counted = {}
        for number, label in enumerate(predicted):
            counted[str(number)] = count_picture(sample, label, classes)
            if number:
                counted[_as_first(number)] = count_picture(as_first, label, classes)
        return counted

    @cached_property
    def evaluations(self) -> dict[Row, Evaluation]:
        """The evaluation of each scored row."""
        machine, made = describe_run(), {}
        for number, (row, protocol) in enumerate(zip(self._rows, self._protocols, strict=True)):
            pictures = tuple(found.counts[str(number)] for found in self._found)
            made[row] = Evaluation(self._classes, pictures, protocol, 0.0, machine)
        return made

    @cached_property
    def agreements(self) -> dict[Row, tuple[int, int]]:
        """Of each scored row but the first: the pixels of one class, and all pixels."""
        made = {}
        for number, row in enumerate(self._rows[1:], 1):
            all_counts = [found.counts[_as_first(number)] for found in self._found]
            same = sum(int(counts.counts[counts.cells % (len(self._classes) + 1) == 0].sum()) for counts in all_counts)
            made[row] = same, sum(int(counts.counts.sum()) for counts in all_counts)
        return made


def _as_first(number: int) -> str:
    return f"{number} as 0"


def runtime_table(rows: Sequence[Row], scores: Scores | None, speeds: Mapping[int, Sequence[Speed]]) -> dict[str, Any]:
    """Plain data of all that is known of `rows`; `speeds` are those of all rows, by the number of threads."""
    evaluations = scores.evaluations if scores else {}
    first = next(iter(evaluations.values()), None)
    table = []
    for number, row in enumerate(rows):
        found = evaluations.get(row)
        same, pixels = (scores.agreements.get(row) if scores else None) or (None, None)
        table.append(
            {
                "name": row.name,
                "runtime": row.runtime,
                "file": row.file.name,
                "bytes": row.file.stat().st_size,
                "measured": found.figures() if found else None,
                "difference": miou_difference(first, found).to_json()
                if first and found and found is not first
                else None,
                "pixels": pixels,
                "differ": None if pixels is None or same is None else pixels - same,
                "speeds": [
                    asdict(of_all[number]) | {"ratio": of_all[number].seconds / of_all[0].seconds}
                    for of_all in speeds.values()
                ],
            }
        )
    return {"runtimes": table, "size": SIZE, "machine": describe_run()}


def time_rows(
    rows: Sequence[Row],
    dataset: Dataset | None,
    *,
    told: InputTold | None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, list[Speed]]:
    """The speed of each row at each of THREADS that has a core, on the first picture of the data brought to SIZE.

    Without data it is of drawn shapes.
    """
    height, width = SIZE
    sample = dataset[0] if dataset is not None else ShapesDataset("val", size=1, side=height)[0]
    picture = np.asarray(Image.fromarray(sample.image).resize((width, height), Image.Resampling.BILINEAR))
    sources = [row.source for row in rows]
    return {
        threads: time_in_turns(sources, picture, threads=threads, told=told, progress=progress)
        for threads in THREADS
        if threads <= available_cores()
    }


def is_file_of_row(text: str) -> bool:
    """Whether a text names a file that is there, and is no change to a recipe though there be a "=" in its path."""
    return split_runtime(text.removeprefix(SPEED))[1].is_file()


def read_rows(texts: Sequence[str], obtain: Callable[[str], Path] = resolve) -> list[Row]:
    """The rows meant by `texts`, as `Row.of` reads them. ConfigError for fewer than one, or one twice."""
    rows = [Row.of(text, obtain) for text in texts]
    if not rows:
        raise ConfigError("--runtime: name the files to compare, such as best.safetensors model.onnx")
    if twice := {row.name for row in rows if [other.name for other in rows].count(row.name) > 1}:
        raise ConfigError(f"{min(twice)} is given twice: leave one out, or give the file another name")
    return rows
