"""The mIoU of a network on a data set, and the protocol it was measured by."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from segkit.base.errors import DataError
from segkit.base.ranks import ALONE, Ranks
from segkit.data.dataset import Dataset, Sample
from segkit.evaluation.counts import count_picture
from segkit.evaluation.geometry import canvas_side
from segkit.evaluation.inference import Segmenter
from segkit.evaluation.result import Evaluation
from segkit.evaluation.scoring import score


def evaluate(
    model: Segmenter,
    dataset: Dataset,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
    precision: torch.dtype = torch.float32,
    about: Mapping[str, Any] | None = None,
    keep: Callable[[int, Sample, np.ndarray], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    ranks: Ranks = ALONE,
) -> Evaluation:
    """Score every picture of `dataset` at its own size into one confusion matrix.

    Nothing is resized or cropped to be scored; of a picture only its own counts are kept. `scales`, `flip`, `window`
    and `precision` are those of `predict_label`; `about` is what the protocol is to tell besides, such as which
    weights. After each picture `keep(index, sample, prediction)` is called with its uint8 (H, W) label map, and
    `progress(done, total)`. Of several `ranks` each scores every `ranks.size`-th picture, calls `keep` for these and
    `progress` as often as the others, and is given the evaluation of all pictures. Raises DataError where the data
    set's classes are not the model's.
    """
    check_classes(dataset.classes, model.classes)
    indices = ranks.share(len(dataset))
    scored = score(
        model, dataset, indices, scales=scales, flip=flip, window=window, precision=precision, progress=progress
    )
    protocol = protocol_of(model, dataset, scales=scales, flip=flip, window=window, precision=precision)
    share = tally(scored, model.classes, {**protocol, **(about or {})}, keep=keep)
    if progress is not None and len(indices) < -(-len(dataset) // ranks.size):
        progress(len(indices), len(indices))
    ranks.wait()  # however much slower another one is
    shares = ranks.gather(share)
    whole, pictures = shares[0], [share.pictures for share in shares]
    in_order = tuple(pictures[index % ranks.size][index // ranks.size] for index in range(len(dataset)))
    return replace(whole, pictures=in_order, seconds=max(share.seconds for share in shares))


def tally(
    scored: Iterable[tuple[int, Sample, np.ndarray]],
    classes: Sequence[str],
    protocol: Mapping[str, Any],
    *,
    keep: Callable[[int, Sample, np.ndarray], None] | None = None,
) -> Evaluation:
    """The evaluation of pictures with their predictions, as `score` gives them; `keep` is that of `evaluate`."""
    began = time.perf_counter()
    pictures = []
    for index, sample, prediction in scored:
        pictures.append(count_picture(sample, prediction, len(classes)))
        if keep is not None:
            keep(index, sample, prediction)
    return Evaluation(tuple(classes), tuple(pictures), protocol, time.perf_counter() - began)


def protocol_of(
    model: Segmenter,
    dataset: Dataset,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | None = None,
    precision: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """How a model is evaluated on a data set, as plain data."""
    return {
        "pictures": len(dataset),
        "output_stride": model.output_stride,
        "scales": [float(scale) for scale in scales],
        "flip": flip,
        "canvas": _canvas(model),
        "window": window,
        "precision": str(precision).removeprefix("torch."),
        "device": model.device.type,
    }


def _canvas(model: Segmenter) -> int | str:
    if model.fixed_size:
        return f"{model.fixed_size[1]}x{model.fixed_size[0]}"
    if model.canvas:
        return canvas_side(model.canvas, model.side_step)
    return "none" if model.side_step == 1 else f"next {model.side_step}k+1"


def check_classes(data: Sequence[str], weights: Sequence[str]) -> None:
    """Raise DataError where the classes of a data set are not those of a model."""
    if difference := class_difference(data, weights):
        raise DataError(f"{difference}: evaluate on the data that the weights were trained for")


def class_difference(data: Sequence[str], weights: Sequence[str]) -> str | None:
    """How the classes of a data set first differ from those of a model, in words; None where they are the same."""
    if len(data) != len(weights):
        return f"the data set has {len(data)} classes, the weights have {len(weights)}"
    for label, (ours, theirs) in enumerate(zip(data, weights, strict=True)):
        if ours != theirs:
            return f"class {label} of the data set is {ours!r}, of the weights {theirs!r}"
    return None
