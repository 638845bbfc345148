"""Networks built from weights: `load_model` for a whole network, `build_model` for a start."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segkit.base.errors import WeightsError
from segkit.base.labels import IGNORE, VOC_CLASSES, Palette, default_classes
from segkit.models.build import build_classifier, build_network
from segkit.models.classifier import Classifier
from segkit.models.deeplabv3 import DeepLabV3
from segkit.weights.cache import resolve
from segkit.weights.files import read_weights
from segkit.weights.imported import Weights


def load_model(
    path: Path | str, *, output_stride: int = 16, classes: Sequence[str] | None = None, canvas: int | None = None
) -> DeepLabV3:
    """The segmentation network in a file, ours or a foreign one, in evaluation mode.

    `path` may also be a name that `segkit weights` lists, or hf://OWNER/REPOSITORY[/FILE][@REVISION].
    `output_stride` (8, 16 or 32) is free to choose, since the weights are the same. `classes` names the classes where
    the file does not; `canvas` (pixels a side) goes before the file's. Raises WeightsError for a file that holds no
    whole segmentation network.
    """
    weights = read_weights(path)
    if weights.form != "segmentation" or not weights.complete:
        parts = "parts of " if weights.form == "segmentation" else ""
        raise WeightsError(
            f"{path}: holds {parts}{_held(weights)} in {weights.source}'s names, not a whole segmentation network of "
            f"segkit's: start a training from it with model.weights={path}, or build_model(weights=...)"
        )
    network = build_network(
        weights.backbone,
        classes=_classes(path, weights, classes),
        palette=weights.palette,
        aspp=weights.aspp,
        output_stride=output_stride,
        options=weights.options,
        mean=weights.mean,
        std=weights.std,
        canvas=canvas or weights.canvas,
    )
    _load(network, weights.tensors, path)
    return network.eval()


def load_classifier(path: Path | str) -> Classifier:
    """The ImageNet classifier in a foreign file or of a name, in evaluation mode; WeightsError if it has no logits."""
    weights = read_weights(path)
    if weights.form != "classifier" or weights.num_classes is None:
        raise WeightsError(f"{path}: holds {_held(weights)}, no classifier with its logits: choose another file")
    classifier = build_classifier(
        weights.backbone,
        num_classes=weights.num_classes,
        options=weights.options,
        mean=weights.mean,
        std=weights.std,
    )
    _load(classifier, weights.tensors, path)
    return classifier.eval()


def build_model(
    backbone: str = "mobilenet_v2",
    *,
    aspp: bool = True,
    output_stride: int = 16,
    num_classes: int = 21,
    classes: Sequence[str] | None = None,
    palette: Palette | None = None,
    weights: Path | str | None = None,
    options: dict[str, Any] | None = None,
    canvas: int | None = None,
) -> DeepLabV3:
    """A segmentation network to train, with fresh weights or with what a file has for it.

    `weights` is a file, a name or an address as in `load_model`, or "imagenet" for the ImageNet weights of the backbone
    (at `options["width"]`). It may hold a classifier, a backbone or another segmentation network of the same backbone:
    every part that fits is taken, the rest starts fresh (the logits, where the classes are others; the atrous branches,
    where the file has none). Normalisation, padding and batch-norm epsilon then come from the file, and so do the names
    and colours of as many classes where none are given. `options` are those of the backbone's class. Raises
    WeightsError where the file does not fit the backbone, DownloadError where it cannot be fetched.
    """
    start = None if weights is None else _start(weights, backbone, (options or {}).get("width", 1.0))
    if classes is None:
        told = start.classes if start is not None else None
        classes = told if told is not None and len(told) == num_classes else default_classes(num_classes)
    if start is None or weights is None:
        return build_network(
            backbone,
            classes=classes,
            palette=palette,
            aspp=aspp,
            output_stride=output_stride,
            options=options,
            canvas=canvas,
        )
    network = build_network(
        backbone,
        classes=classes,
        palette=palette or (start.palette if start.classes == tuple(classes) else None),
        aspp=aspp,
        output_stride=output_stride,
        options={**start.options, **(options or {})},
        mean=start.mean,
        std=start.std,
        # Another data set's pictures have another size than those the file's canvas was made for.
        canvas=canvas or (start.canvas if _classes_if_known(start) == tuple(classes) else None),
    )
    # The backbone has to fit as a whole; of the rest, what fits is taken.
    _load(network.get_submodule("backbone"), _below("backbone.", start.tensors), weights)
    if start.form == "segmentation":
        _load(network, {**network.state_dict(), **_fitting_head(network, start)}, weights)
    return network


def _held(weights: Weights) -> str:
    return f"a {weights.backbone} {'segmentation network' if weights.form == 'segmentation' else weights.form}"


def _start(path: Path | str, backbone: str, width: float) -> Weights:
    weights = read_weights(resolve(path, backbone=backbone, width=width))
    if weights.backbone != backbone:
        raise WeightsError(
            f"{path}: holds {weights.backbone}, but the network asked for is {backbone}: choose other weights, or "
            f"the backbone {weights.backbone}"
        )
    return weights


def _fitting_head(network: DeepLabV3, start: Weights) -> dict[str, Tensor]:
    """The tensors of `start` outside its backbone that the network has a place for."""
    own = network.state_dict()
    fitting = {}
    for name, tensor in start.tensors.items():
        if name.startswith("backbone.") or name not in own:
            continue
        if name.startswith("classifier.") and _classes_if_known(start) not in (None, network.classes):
            continue
        if name == "head.projection.conv.weight":
            tensor = _with_inputs(tensor, own[name])
        if own[name].shape == tensor.shape:
            fitting[name] = tensor
    return fitting


def _with_inputs(projection: Tensor, own: Tensor) -> Tensor:
    """The projection of a network without ASPP for one with it, or the reverse: the atrous branches' inputs come last.

    Those that the file has not got start at zero, so that the network starts as the function that the file holds; they
    learn from the first step, and the fresh branches behind them from the second.
    """
    if projection.ndim != own.ndim:
        return projection
    resized = torch.zeros_like(own)
    inputs = min(projection.shape[1], own.shape[1])
    if projection[:, :inputs].shape != own[:, :inputs].shape:
        return projection
    resized[:, :inputs] = projection[:, :inputs]
    return resized


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _load(module: nn.Module, tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Put `tensors` into `module`, all of them and no other; WeightsError names what does not fit."""
    own = module.state_dict()
    # Batch norm counts its batches only for momentum=None, which segkit does not use, and TensorFlow has no such count.
    counters = {name for name in own if name.endswith(".num_batches_tracked")}
    missing = sorted(set(own) - set(tensors) - counters)
    unexpected = sorted(set(tensors) - set(own))
    shapes = [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
        for name in sorted(set(own) & set(tensors))
        if own[name].shape != tensors[name].shape
    ]
    # Numbers of another kind (an 8-bit file's, say) are no weights without the scales that go with them.
    kinds = [
        f"{name} has {tensor.dtype}, not floats"
        for name, tensor in sorted(tensors.items())
        if name not in counters and not _has_floats(tensor)
    ]
    problems = [
        *(f"{name} is missing" for name in missing),
        *(f"{name} is not expected" for name in unexpected),
        *shapes,
        *kinds,
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise WeightsError(f"{path}: does not fit the network: {'; '.join(problems[:3])}{more}")
    module.load_state_dict({**own, **{name: tensor.to(torch.float32) for name, tensor in tensors.items()}})


def _has_floats(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.layout == torch.strided and not tensor.is_meta


def _classes(path: Path | str, weights: Weights, given: Sequence[str] | None) -> tuple[str, ...]:
    known = _classes_if_known(weights)
    count = len(known) if known is not None else weights.num_classes
    if count is None or count > IGNORE:
        raise WeightsError(f"{path}: has logits for {count} classes, but a label map holds at most {IGNORE}")
    if weights.classes is not None:
        return weights.classes
    if given is not None:
        if len(given) != count:
            raise WeightsError(f"{path}: has {count} classes, but {len(given)} names were given")
        return tuple(given)
    if known is None:
        raise WeightsError(f"{path}: has {count} classes whose names it does not tell: give them with classes=[...]")
    return known


def _classes_if_known(weights: Weights) -> tuple[str, ...] | None:
    """The classes that the file tells, or VOC's where it has as many, as the published files have."""
    if weights.classes is None and weights.num_classes == len(VOC_CLASSES):
        return VOC_CLASSES
    return weights.classes
