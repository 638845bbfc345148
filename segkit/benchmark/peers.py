"""Networks that the table has not, evaluated beside it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from segkit.base.files import file_digest, write_atomically
from segkit.base.machine import describe_run
from segkit.benchmark.lines import check_same
from segkit.data.dataset import Dataset
from segkit.evaluation.evaluate import check_classes, evaluate, protocol_of
from segkit.evaluation.result import Evaluation, read_evaluation
from segkit.models.folding import prepare_to_predict
from segkit.weights.build import load_segmenter
from segkit.weights.lineage import read_lineage


def measure_peer(
    path: Path,
    dataset: Dataset,
    stored: Path,
    *,
    canvas: int | None,
    device: torch.device,
    about: Mapping[str, Any],
    precision: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """The evaluation in one pass of the network in a file, at its own output stride, ours or a peer of torchvision's.

    It is kept in the file `stored`, and read from there. `about` (data, split, ...) goes into the protocol. Raises
    OutputError where `stored` is of other weights, data or protocol.
    """
    model = prepare_to_predict(load_segmenter(path, classes=dataset.classes, canvas=canvas), device)
    check_classes(dataset.classes, model.classes)
    about = {
        "weights": str(path),
        "weights_sha256": file_digest(path),
        **read_lineage(path).to_protocol(),
        **about,
    }
    if stored.is_file():
        evaluation = read_evaluation(stored)
        protocol = protocol_of(model, dataset, precision=precision) | about
        check_same(stored, protocol, evaluation.protocol, way_out="remove it to measure again")
        return evaluation
    evaluation = evaluate(model, dataset, precision=precision, about=about, progress=progress)
    evaluation = replace(evaluation, machine=describe_run())
    write_atomically(stored, json.dumps(evaluation.to_json()) + "\n")
    return evaluation
