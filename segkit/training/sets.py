"""The data sets of a training, each after a look at it."""

import hashlib
import json
from collections.abc import Iterable

from segkit.base.errors import ConfigError, DataError
from segkit.base.pictures import told_others
from segkit.data.check.quick import check_dataset
from segkit.data.dataset import Dataset
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles
from segkit.data.unlabelled import Joined, UnlabelledPictures
from segkit.recipe.build import open_dataset
from segkit.recipe.config import Config
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
    for name, dataset in zip(names, given, strict=True):
        for finding in _look_at(dataset):
            listen(Note(f"{name}: {finding.message}"))
    return given[0], given[1]


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


def add_unlabelled(folder: str, train_set: Dataset, val_set: Dataset, listen: Listener) -> Dataset:
    """The train set with the pictures of a folder behind it, after a look at them; DataError where there are none.

    Those of the two sets are left out: what is validated on would not be unseen, and VOC keeps all splits in one
    folder.
    """
    known = [path for split in (train_set, val_set) if isinstance(split, PairedFiles) for path in split.pictures]
    unlabelled = UnlabelledPictures(folder, classes=train_set.classes, palette=train_set.palette, but=known)
    _look_at(unlabelled)  # for files that cannot be read; that there are no labels is on purpose
    left_out = f"; {unlabelled.left_out} others are in the data set and left out" if unlabelled.left_out else ""
    if unlabelled.others:
        left_out += f"; {told_others(unlabelled.others)}"
    listen(Note(f"{folder}: {len(unlabelled)} pictures to learn from the teacher alone{left_out}"))
    return Joined(train_set, unlabelled)


def _look_at(dataset: Dataset) -> list[Finding]:
    """What a look at a data set finds and may be meant; DataError for what would ruin the run."""
    findings = check_dataset(dataset)
    errors = [finding.message for finding in findings if finding.level == "error"]
    if errors:
        raise DataError(errors[0] + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""))
    return findings
