"""What is told of a public file of weights."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A file of the same weights elsewhere, asked for where the first cannot be had. `sha256` is hexadecimal."""

    address: str
    sha256: str
    licence: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Public:
    """A public file of weights.

    `address` is that of a file, or hf://OWNER/REPOSITORY[/FILE]; `copy` is in another place. `backbone` is the one that
    a training can start from with it, None where that takes nothing. `sha256` is hexadecimal, or only the beginning
    that is known; None where nothing is. `importer` is the module of `segkit.weights.importers` that its tensor names
    choose, and `preprocessing` what comes with it. `whole` tells that it can be predicted with.
    """

    name: str
    address: str
    copy: Copy | None = None
    what: str
    backbone: str | None
    width: float = 1.0
    whole: bool = False
    trained_on: str
    sha256: str | None = None
    mebibytes: float | None = None
    importer: Literal["hugging_face", "tensorflow", "timm", "torchvision"] | None
    preprocessing: str
    licence: str
    published: str
    source: str
