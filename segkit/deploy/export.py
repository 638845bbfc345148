"""Writing an exported file, and holding it against the network that it was made from before anybody gets it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from segkit.base.errors import ConfigError, OutputError
from segkit.deploy.about import About
from segkit.deploy.formats import writer_of
from segkit.deploy.network import DeployNetwork, Output
from segkit.deploy.open import load_segmenter
from segkit.evaluation.inference import Segmenter, canvas_of, pad
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.folding import prepare_to_predict

LEAST_EQUAL = 0.999
LEAST_EQUAL_HALF = 0.98
"""Shares of pixels: a file that agrees on fewer is broken, since rounding changes only those between two classes."""


class Agreement(NamedTuple):
    """An exported file beside its network, on the same padded pictures: the share of pixels of one class, and the
    largest difference of logits (before upsampling) or probabilities, None for a file of labels alone."""

    pictures: int
    equal: float
    difference: float | None


def export(
    model: DeepLabV3,
    out: Path,
    *,
    pictures: Iterable[np.ndarray],
    told: Mapping[str, Any],
    size: tuple[int, int] | None = None,
    output: Output = "labels",
    half: bool = False,
) -> Agreement:
    """Write a trained network, as `load_model(..., train=True)` gives it, to a file that its own runtime runs.

    `size` is the only height and width that the file takes, `side_step * k + 1` each; None: any such. `output` is
    explained by `DeployNetwork`; with `half` it computes in half precision, where the runtime does. `told` is what
    `told_of_weights` tells. The file is run on `pictures`, uint8 (H, W, 3), beside the network. Raises ConfigError for
    another size and where a package is missing, OutputError where `out` is there or cannot be written, or where too few
    pixels agree; nothing is left then.
    """
    if out.exists():
        raise OutputError(f"{out} is there already: choose another name, or move it away")
    writer = writer_of(out)
    _check_size(model, size)
    about = About.of(model, output=output, size=size, half=half, told=told)
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    try:
        writer.write(DeployNetwork(model, output=output), part, about)
        found = agreement(load_segmenter(part), prepare_to_predict(model), pictures, output=output)
        if found.equal < (LEAST_EQUAL_HALF if half else LEAST_EQUAL):
            raise OutputError(
                f"{out}: the file gives {found.equal:.2%} of the network's classes alone, so it is not kept: report "
                "this, with the versions of onnx, onnxruntime and torch"
            )
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return found


@torch.inference_mode()
def agreement(exported: Segmenter, model: Segmenter, pictures: Iterable[np.ndarray], *, output: Output) -> Agreement:
    """An exported file and a network on the same pictures, padded as the file says; larger ones are cut to its size."""
    count, equal, pixels, difference = 0, 0, 0, 0.0
    for picture in pictures:
        rows, columns = exported.fixed_size or picture.shape[:2]
        image = torch.from_numpy(picture[:rows, :columns]).permute(2, 0, 1)[None].float()
        padded = pad(image, exported.mean, canvas_of(exported, *image.shape[2:]))
        same = exported.labels(padded) == model.labels(padded)
        count, equal, pixels = count + 1, equal + int(same.sum()), pixels + same.numel()
        if output == "logits":
            difference = max(difference, float((exported.logits(padded) - model.logits(padded)).abs().max()))
        elif output == "probs":
            both = exported(padded).exp() - model(padded).softmax(1)
            difference = max(difference, float(both.abs().max()))
    if not count:
        raise ConfigError("there is no picture to hold the file against: name some")
    return Agreement(count, equal / pixels, None if output == "labels" else difference)


def _check_size(model: DeepLabV3, size: tuple[int, int] | None) -> None:
    step = model.side_step
    for side in size or ():
        if side < step + 1 or (side - 1) % step:
            nearest = max(1, round((side - 1) / step)) * step + 1
            raise ConfigError(f"a side of {side} pixels does not fit: it has to be {step} * k + 1, such as {nearest}")
