"""Networks built from weights: `load_model` for a whole network, `build_model` for a start."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from segkit.base.errors import WeightsError
from segkit.base.labels import IGNORE, VOC_CLASSES, Palette, default_classes
from segkit.models.build import TENSORFLOW_MEAN, TENSORFLOW_STD, build_classifier
from segkit.models.classifier import Classifier
from segkit.models.deeplabv3 import DeepLabV3
from segkit.models.folding import prepare_to_predict
from segkit.weights.cache import resolve
from segkit.weights.files import read_tensors, read_weights
from segkit.weights.fitting import fitting_head, load_all
from segkit.weights.imported import Weights
from segkit.weights.metadata import METADATA_KEY
from segkit.weights.torchvision_network import TorchvisionNetwork, recognise_network


def load_model(
    path: Path | str,
    *,
    output_stride: int | None = None,
    classes: Sequence[str] | None = None,
    canvas: int | None = None,
    train: bool = False,
) -> DeepLabV3:
    """The segmentation network in a file, ours or a foreign one, in evaluation mode.

    It is made to predict, as fast as `segkit predict` does: batch norm folded, channels last, on the CPU (`.to(device)`
    moves it), see `prepare_to_predict`; to train it or to save it again ask for one to `train`.
    `path` may also be a name that `segkit weights` lists, or hf://OWNER/REPOSITORY[/FILE][@REVISION].
    `output_stride` (8, 16 or 32) is free to choose, since the weights are the same; without it, it is the one that
    the network was trained at (16 where the file does not tell). `classes` names the classes where the file does not;
    `canvas` (pixels a side) goes before the file's. Raises WeightsError for a file that holds no whole segmentation
    network.
    """
    weights = read_weights(path)
    if weights.form != "segmentation network" or "classifier.weight" not in weights.tensors:
        held = ("parts of " if weights.form == "segmentation network" else "") + weights.what
        raise WeightsError(
            f"{path}: holds {held} in {weights.source}'s names, not a whole segmentation network of "
            f"segkit's: start a training from it with model.weights={path}, or build_model(weights=...)"
        )
    names = _classes(path, weights.classes, weights.num_classes, classes)
    network = weights.build_network(names, output_stride=output_stride, canvas=canvas)
    load_all(network, weights.tensors, path)
    network.fresh = frozenset()
    return network.eval() if train else prepare_to_predict(network)


def load_classifier(path: Path | str) -> Classifier:
    """The ImageNet classifier in a foreign file or of a name, in evaluation mode; WeightsError if it has no logits."""
    weights = read_weights(path)
    if weights.form != "classifier" or weights.num_classes is None:
        raise WeightsError(f"{path}: holds {weights.what}, no classifier with its logits: choose another file")
    classifier = build_classifier(
        weights.backbone,
        num_classes=weights.num_classes,
        options=weights.options,
        mean=weights.mean,
        std=weights.std,
    )
    load_all(classifier, weights.tensors, path)
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
    where the file has none), as the network's `fresh` tells. Normalisation, padding and batch-norm epsilon then come
    from the file, and so do the names and colours of as many classes where none are given. `options` are those of the
    backbone's class. Raises WeightsError where the file does not fit the backbone, DownloadError where it cannot be
    fetched.
    """
    start = _start(weights, backbone, (options or {}).get("width", 1.0))
    if classes is None:
        told = start.classes
        classes = told if told is not None and len(told) == num_classes else default_classes(num_classes)
    known = _classes_if_known(start)
    network = replace(
        start,
        aspp=aspp,
        palette=palette or (start.palette if start.classes == tuple(classes) else None),
        options={**start.options, **(options or {})},
        # Another data set's pictures have another size than those the file's canvas was made for.
        canvas=canvas or (start.canvas if known == tuple(classes) else None),
        stretch=start.stretch if known == tuple(classes) else None,
    ).build_network(classes, output_stride=output_stride)
    if weights is None:
        return network
    # The backbone has to fit as a whole; of the rest, what fits is taken.
    taken = {name: tensor for name, tensor in start.tensors.items() if name.startswith("backbone.")}
    load_all(network.backbone, {n.removeprefix("backbone."): t for n, t in taken.items()}, weights)
    if start.form == "segmentation network":
        taken |= fitting_head(network, start.tensors, same_classes=known in (None, network.classes))
        load_all(network, {**network.state_dict(), **taken}, weights)
    network.fresh -= taken.keys()
    return network


def load_network(
    path: Path | str,
    *,
    output_stride: int | None = None,
    classes: Sequence[str] | None = None,
    canvas: int | None = None,
) -> DeepLabV3 | TorchvisionNetwork:
    """The network in a file, to predict and be scored with: one that `load_model` takes, or a peer of torchvision's.

    `path`, `classes` and errors are those of `load_model`. A file of one of torchvision's segmentation networks is run
    as torchvision runs it: without a canvas, and at the output stride that it is built at; WeightsError for another.
    """
    tensors, texts = read_tensors(resolve(path))
    peer = None if METADATA_KEY in texts else recognise_network(tensors)
    if peer is None:
        return load_model(path, output_stride=output_stride, classes=classes, canvas=canvas)
    if output_stride not in (None, peer.output_stride):
        raise WeightsError(
            f"{path}: is torchvision's {peer.name}, which has output stride {peer.output_stride} and no other: leave "
            f"the output stride (--os) out"
        )
    load_all(peer.network, peer.tensors, path)
    names = _classes(path, None, peer.num_classes, classes)
    return prepare_to_predict(TorchvisionNetwork(peer.network, output_stride=peer.output_stride, classes=names))


def _start(path: Path | str | None, backbone: str, width: float) -> Weights:
    """What a network of the backbone starts from: the weights meant by `path`, or without one no tensors at all."""
    if path is None:
        mean, std = TENSORFLOW_MEAN, TENSORFLOW_STD
        return Weights(source="", backbone=backbone, options={}, tensors={}, mean=mean, std=std)
    weights = read_weights(resolve(path, backbone=backbone, width=width))
    if weights.backbone != backbone:
        raise WeightsError(
            f"{path}: holds {weights.backbone}, but the network asked for is {backbone}: choose other weights, or "
            f"the backbone {weights.backbone}"
        )
    return weights


def _classes(
    path: Path | str, told: tuple[str, ...] | None, count: int | None, given: Sequence[str] | None
) -> tuple[str, ...]:
    """The classes that a file tells, else those given for its `count` logits, else VOC's where it has as many."""
    if told is not None:
        return told
    if count is None or count > IGNORE:
        raise WeightsError(f"{path}: has logits for {count} classes, but a label map holds at most {IGNORE}")
    if given is not None:
        if len(given) != count:
            raise WeightsError(f"{path}: has {count} classes, but {len(given)} names were given")
        return tuple(given)
    if count != len(VOC_CLASSES):
        raise WeightsError(f"{path}: has {count} classes whose names it does not tell: give them with classes=[...]")
    return VOC_CLASSES


def _classes_if_known(weights: Weights) -> tuple[str, ...] | None:
    """The classes that the file tells, or VOC's where it has as many, as the published files have."""
    if weights.classes is None and weights.num_classes == len(VOC_CLASSES):
        return VOC_CLASSES
    return weights.classes
