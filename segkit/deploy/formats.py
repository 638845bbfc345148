"""The formats of exported files. Each is a module of this room with `write` and `read`, and a line in FORMATS."""

import importlib
from pathlib import Path
from typing import Protocol, cast

from segkit.deploy.about import About
from segkit.deploy.network import DeployNetwork
from segkit.evaluation.inference import Segmenter

FORMATS = {"onnx": "segkit.deploy.onnx_file"}
"""Where each format is read and written, by the name that its files end in."""


class Exported(Segmenter, Protocol):
    """An exported file that is run by its own runtime."""

    about: About


class FileFormat(Protocol):
    """What the module of a format offers."""

    def write(self, network: DeployNetwork, path: Path, about: About) -> None:
        """Write a network as one file, `about` in it. ConfigError where a package is missing, OutputError."""
        ...

    def read(self, path: Path) -> Exported:
        """The file, ready to run. ConfigError where a package is missing, WeightsError for another file."""
        ...


def is_exported(path: Path | str) -> bool:
    """Whether a file is one that `segkit export` writes, by the end of its name."""
    return _ending(path) in FORMATS


def format_of(path: Path | str) -> FileFormat:
    """The format of a file for which `is_exported`."""
    return cast(FileFormat, importlib.import_module(FORMATS[_ending(path)]))


def _ending(path: Path | str) -> str:
    return Path(path).suffix.lower().removeprefix(".")
