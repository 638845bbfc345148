"""The data sets of a training, each after a look at it."""

import hashlib
import json
from collections.abc import Iterable

import numpy as np

from segkit.base.errors import ConfigError, DataError
from segkit.base.labels import IGNORE
from segkit.base.pictures import told_others
from segkit.data.check.quick import check_dataset
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles, stretch_of
from segkit.data.unlabelled import Joined, UnlabelledPictures
from segkit.recipe.build import open_dataset
from segkit.recipe.config import Config, TrainConfig
from segkit.training.events import Listener, Note


def open_sets(
    config: Config, train_set: Dataset | None, val_set: Dataset | None, listen: Listener
) -> tuple[Dataset, Dataset]:
    """The train set and the val set: those given, else the recipe's.

    What may be meant is told. Raises ConfigError where neither or both have them, DataError for what would ruin the
    run.
    """
    given = [dataset for dataset in (train_set, val_set) if dataset is not None]
    names = ("train_set", "val_set")
    if config.data is not None:
        if given:
            raise ConfigError("the recipe has data, so leave out train_set and val_set, or take data out of it")
        names = (config.data.train_split, config.data.val_split)
        given = [open_dataset(config.data, split) for split in names]
    if len(given) < 2:
        raise ConfigError("the recipe has no data: give train_set and val_set, to begin a run and to resume it")
    train, val = zip(names, given, strict=True)
    _tell_of(*train, listen, skip=config.train.on_bad_picture == "skip")
    _tell_of(*val, listen)
    _check_labelled(train, val, config.train, listen)
    return train[1], val[1]


def fingerprint(datasets: Iterable[Dataset]) -> str:
    """SHA-256 over the names of the pictures, and the sizes of their files and labels where they have any.

    It is cheap, and the same wherever the files lie.
    """
    digest = hashlib.sha256()
    for dataset in datasets:
        files = (*dataset.pictures, *dataset.labels) if isinstance(dataset, PairedFiles) else ()
        sizes = [file.stat().st_size if file.exists() else None for file in files]
        digest.update(json.dumps([list(dataset.ids), sizes]).encode())
    return digest.hexdigest()


def add_unlabelled(config: TrainConfig, train_set: Dataset, val_set: Dataset, listen: Listener) -> Dataset:
    """The train set, behind it the recipe's `unlabelled` pictures after a look at them; DataError for none in there.

    Those of the two sets are left out: what is validated on would not be unseen, and VOC keeps all splits in one
    folder.
    """
    folder = config.unlabelled
    if folder is None:
        return train_set
    known = [path for split in (train_set, val_set) if isinstance(split, PairedFiles) for path in split.pictures]
    unlabelled = UnlabelledPictures(
        folder, classes=train_set.classes, palette=train_set.palette, stretch=stretch_of(train_set), but=known
    )
    # For files that cannot be read; that there are no labels is on purpose.
    _look_at(unlabelled, skip=config.on_bad_picture == "skip")
    left_out = f"; {unlabelled.left_out} others are in the data set and left out" if unlabelled.left_out else ""
    if unlabelled.others:
        left_out += f"; {told_others(unlabelled.others)}"
    listen(Note(f"{folder}: {len(unlabelled)} pictures to learn from the teacher alone{left_out}"))
    return Joined(train_set, unlabelled)


def _tell_of(name: str, dataset: Dataset, listen: Listener, *, skip: bool = False) -> None:
    for finding in _look_at(dataset, skip=skip):
        listen(Note(f"{name}: {finding.message}"))


def _look_at(dataset: Dataset, *, skip: bool = False) -> list[Finding]:
    """What a look at a data set finds and may be meant; DataError for what would ruin the run.

    With `skip` that is not so of single pictures, which are told of when it is their turn.
    """
    findings = check_dataset(dataset)
    errors = [finding for finding in findings if finding.level == "error" and not (skip and finding.file)]
    if errors:
        raise DataError(errors[0].message + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""))
    return [finding for finding in findings if finding.level != "error"]


_Named = tuple[str, Dataset]


def _check_labelled(train: _Named, val: _Named, config: TrainConfig, listen: Listener) -> None:
    """Raise DataError where nothing would be learnt from the labels; tell where there are none to score by."""
    (name, dataset), (val_name, val_set) = train, val
    learnt, weighed = np.arange(256) < len(dataset.classes), ""
    if config.class_weights is not None and not config.jaccard:
        learnt[: len(config.class_weights)] &= np.array(config.class_weights) > 0
        weighed = " to which train.class_weights gives any weight"
    if config.teacher is None and not _holds_any(dataset, learnt):
        raise DataError(
            f"{name}: no pixel of the labels has a class{weighed}, so nothing would be learnt: label them, or check "
            f"`classes`, `ignore` and `mapping` (pixels without a class are {IGNORE})"
        )
    if not _holds_any(val_set, np.arange(256) < len(val_set.classes)):
        listen(Note(f"{val_name}: no pixel has a class, so there is no mIoU and the last network is kept as the best"))


def _holds_any(dataset: Dataset, values: np.ndarray) -> bool:
    """Whether a label has one of the `values`, bool (256,), or none can be read; the first label of most sets has."""
    read = 0
    for index in range(len(dataset)):
        try:
            label = dataset.label(index) if isinstance(dataset, PairedFiles) else dataset[index].label
        except DataError:  # is told elsewhere
            continue
        if values[label].any():
            return True
        read += 1
    return read == 0
