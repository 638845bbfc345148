"""The formats of exported files, and the runtimes that run them: each is a module of this room and a line here."""

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, cast

import numpy as np

from segkit.base.errors import ConfigError, WeightsError, needs_extra
from segkit.deploy.about import About
from segkit.deploy.network import DeployNetwork

READERS = {
    "onnx": "segkit.deploy.onnx_file",
    "tflite": "segkit.deploy.tflite_file",
    "openvino": "segkit.deploy.openvino_file",
}
"""What runs a file: by the end of its name, or said before it, as in "openvino:model.onnx"."""
WRITERS = {"onnx": "segkit.deploy.onnx_file"}
"""What `segkit export` writes, by the end of the file's name."""


T = TypeVar("T")


class Port(NamedTuple):
    """What goes into a file or comes out: the sizes, None where any is taken, and the type of the numbers."""

    sizes: tuple[int | None, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        return f"{self.dtype} ({', '.join('any' if size is None else str(size) for size in self.sizes)})"


class Opened(NamedTuple):
    """A file that its runtime has loaded: what segkit wrote into it (None: another maker's), and how it is run."""

    told: str | None
    takes: Port
    gives: Port
    run: Callable[[np.ndarray], np.ndarray]


def require(what: str, extra: str, *packages: str) -> None:
    """Raise ConfigError, with the `extra` that brings them, unless the packages that `what` needs are installed."""
    for package in packages:
        if importlib.util.find_spec(package.replace("-", "_")) is None:
            raise ConfigError(needs_extra(what, package, extra))


def check_there(file: Path) -> None:
    """Raise WeightsError unless an exported file is there."""
    if not file.is_file():
        raise WeightsError(f"{file}: there is no such exported file: give the path of one")


def only_ports(path: Path, takes: Sequence[T], gives: Sequence[T]) -> tuple[T, T]:
    """The one input and the one output of a file. WeightsError where it has others besides."""
    if len(takes) != 1 or len(gives) != 1:
        raise WeightsError(
            f"{path}: takes {len(takes)} inputs and gives {len(gives)} outputs, not a picture and its classes: export "
            "the network with these alone"
        )
    return takes[0], gives[0]


class Reader(Protocol):
    """What the module of a runtime offers."""

    def read(self, path: Path) -> Opened:
        """The file, on the CPU with torch's number of threads.

        ConfigError where a package is missing, WeightsError for another file.
        """
        ...


class Writer(Protocol):
    """What the module of a format that segkit writes offers."""

    def write(self, network: DeployNetwork, path: Path, about: About) -> None:
        """Write a network as one file, `about` in it. ConfigError where a package is missing, OutputError."""
        ...


def split_runtime(path: Path | str) -> tuple[str | None, Path]:
    """The runtime and the file of "RUNTIME:FILE", or of a file by the end of its name; None: it holds weights."""
    runtime, colon, file = str(path).partition(":")
    if colon and runtime in READERS:
        return runtime, Path(file)
    ending = Path(path).suffix.lower().removeprefix(".")
    return ending if ending in READERS else None, Path(path)


def is_exported(path: Path | str) -> bool:
    """Whether a file is one that a runtime runs, and not one of weights."""
    return split_runtime(path)[0] is not None


def reader_of(runtime: str) -> Reader:
    """What reads files for a runtime of READERS."""
    return cast(Reader, importlib.import_module(READERS[runtime]))


def writer_of(path: Path) -> Writer:
    """What writes files whose name ends so. ConfigError for an ending that is none of WRITERS."""
    if (ending := path.suffix.lower().removeprefix(".")) not in WRITERS:
        raise ConfigError(f"{path}: the end of its name says the format: choose one of {', '.join(WRITERS)}")
    return cast(Writer, importlib.import_module(WRITERS[ending]))
