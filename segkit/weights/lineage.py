"""What a network's weights were trained on, as far as the file, the catalogue or the file's name tells it.

Two networks can be compared, and one with a published figure, only where this is known to be alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from segkit.base.errors import DownloadError, WeightsError
from segkit.base.files import file_digest
from segkit.weights.cache import cached_entry, resolve
from segkit.weights.catalogue import CATALOGUE, IMAGENET
from segkit.weights.files import read_training, read_weights
from segkit.weights.public import Public
from segkit.weights.tensorflow.choice import GRAPH, INDEX

CONVERTED = "converted"
"""Where a file that was converted tells what it was made from, in place of a training."""
BEHIND = "behind"
"""Where a training tells what was behind its starting weights, which may be gone later."""
UNTOLD = "weights that tell no training"
"""Stands among what is behind a network for a start of which nothing is known."""
_TOLD_BY_NAMES = {"imagenet": "ImageNet", "coco": "COCO", "train_?val": "VOC trainval", "train_?aug": "VOC train_aug"}
_DATE = re.compile(r"_\d{4}_\d{2}_\d{2}$")
"""What the folder in an archive of the model zoo has not in its name."""
_MAX_STEPS = 8
"""A training may start from the result of another, which started from a third; a file can name itself."""


@dataclass(frozen=True)
class Lineage:
    """What is behind a network's weights.

    `trained_on` holds the names of data sets, such as "COCO" and "VOC train_aug", sorted, and UNTOLD where a part is
    not known. `iterations` is the length of the last training, `kept_at` the iteration of it that is in the file, and
    `taught_by` names the teacher's file; all three are None where there is none or nothing tells.
    """

    trained_on: tuple[str, ...]
    iterations: int | None = None
    kept_at: int | None = None
    taught_by: str | None = None

    def to_protocol(self) -> dict[str, Any]:
        """As plain data, in the names that an evaluation's protocol has."""
        return {
            "trained_on": list(self.trained_on),
            "trained_iterations": self.iterations,
            "kept_at_iteration": self.kept_at,
            "taught_by": self.taught_by,
        }

    @classmethod
    def of_protocol(cls, protocol: Mapping[str, Any]) -> "Lineage":
        """What `to_protocol` made, in the protocol of an evaluation; UNTOLD for one that does not have it."""
        return cls(
            tuple(protocol.get("trained_on") or (UNTOLD,)),
            protocol.get("trained_iterations"),
            protocol.get("kept_at_iteration"),
            teacher_name(protocol.get("taught_by")),
        )

    @property
    def is_told(self) -> bool:
        """Whether nothing behind the weights is unknown."""
        return UNTOLD not in self.trained_on

    @property
    def from_coco(self) -> bool:
        """Whether COCO's pictures are behind the weights, by all that is told."""
        return any("coco" in name.lower() for name in self.trained_on)

    def has_seen(self, data: str, split: str) -> bool:
        """Whether a `split` of `data` (both as a protocol has them) is known to have been trained on."""
        splits = {split, *(["trainval"] if data == "voc" and split in ("train", "val") else [])}
        return bool({f"{data} {name}".lower() for name in splits} & {name.lower() for name in self.trained_on})


def read_lineage(path: Path | str) -> Lineage:
    """The lineage of the weights in a file or of a name. Raises WeightsError and DownloadError as `read_training`."""
    return _lineage(path, _MAX_STEPS)


def told_of_start(weights: str | None) -> tuple[str, ...]:
    """What is behind the weights that a recipe starts from (`model.weights`), as `Lineage.trained_on` tells it."""
    return () if weights is None else _start(weights, _MAX_STEPS)


def told_of_weights(path: Path) -> dict[str, Any]:
    """What a protocol is to tell of a file of weights: where it lies, its SHA-256, and its lineage. Raises as above."""
    return {"weights": str(path), "weights_sha256": file_digest(path), **read_lineage(path).to_protocol()}


def _lineage(path: Path | str, steps: int) -> Lineage:
    if (entry := _public(path)) is not None:
        return Lineage(tuple(sorted(_told(entry.trained_on) | _told(entry.name))) or (UNTOLD,))
    training = read_training(path)
    if not training:
        return Lineage(tuple(sorted(_told_by_name(resolve(path)) or _told_by_form(path))))
    if told := _section(training, CONVERTED).get("trained_on"):
        return Lineage(tuple(map(str, told)))
    config = _section(training, "config")
    train, start = _section(config, "train"), _section(config, "model").get("weights")
    behind = training.get(BEHIND)
    if not isinstance(behind, list):  # an older segkit did not write it
        behind = () if start is None else _start(str(start), steps)
    return Lineage(
        tuple(sorted({*map(str, behind), _data(_section(config, "data"))})),
        train.get("iterations"),
        training.get("iteration"),
        teacher_name(training.get("teacher")),
    )


def teacher_name(told: object) -> str | None:
    """The name of a teacher's file, since where it lay says nothing of it; another name as it is."""
    if not isinstance(told, str):
        return None
    return told if "://" in told else PurePath(told).name


def _start(name: str, steps: int) -> tuple[str, ...]:
    """What is behind the weights that a training started from, which need not be here any more."""
    if name == IMAGENET:
        return ("ImageNet",)
    try:
        return _lineage(name, steps - 1).trained_on if steps else (UNTOLD,)
    except (WeightsError, DownloadError):
        return tuple(sorted(_told(Path(name).name))) or (UNTOLD,)


def _public(path: Path | str) -> Public | None:
    """The entry of the catalogue that a name, a cached file or a copy of one is, by its checksum where that is told."""
    file = Path(path)
    if not file.is_file():
        return CATALOGUE.get(str(path))
    entry = next((entry for entry in CATALOGUE.values() if cached_entry(entry) == file), None)
    if entry is None:
        digest = file_digest(file)
        entry = next((known for known in CATALOGUE.values() if _is_of(known, digest)), None)
    return entry


def _is_of(entry: Public, digest: str) -> bool:
    known = [entry.sha256, entry.copy.sha256 if entry.copy else None]
    return any(sha256 and digest.startswith(sha256) for sha256 in known)


def _told_by_name(path: Path) -> set[str]:
    """By a file's name; by its folder's, of a checkpoint or graph; or by the archive of the catalogue that it names."""
    label = path.resolve().parent.name if path.suffix in (INDEX, GRAPH) else path.name.removesuffix(".tar.gz")
    entry = next((known for name, known in CATALOGUE.items() if label in (name, _DATE.sub("", name))), None)
    return _told(path.name) or _told(label if entry is None else entry.trained_on)


def _told_by_form(path: Path | str) -> set[str]:
    """ImageNet for a classifier, which is trained on nothing else in the files that segkit reads."""
    try:
        return {"ImageNet"} if read_weights(path).form == "classifier" else {UNTOLD}
    except WeightsError:  # a peer of torchvision's, which has no place in our names
        return {UNTOLD}


def _told(text: str) -> set[str]:
    """The data sets that a name or a sentence speaks of."""
    found = {name for pattern, name in _TOLD_BY_NAMES.items() if re.search(pattern, text, re.IGNORECASE)}
    if "PASCAL VOC" in text and not any(name.startswith("VOC") for name in found):
        found.add(UNTOLD)  # of train_aug, or of trainval with val in it
    return found


def _data(data: Mapping[str, Any]) -> str:
    """The data that a recipe trains on, in a name: kind or folder, and split."""
    if not data:
        return UNTOLD
    kind, split = str(data.get("kind")), str(data.get("train_split", "train"))
    if kind == "folder":
        kind = Path(str(data.get("root"))).name
    return f"{'VOC' if kind == 'voc' else kind} {split}"


def _section(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}
