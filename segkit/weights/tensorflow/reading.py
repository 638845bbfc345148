"""TensorFlow's files as they are published: checkpoints, frozen graphs, and archives of them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from segkit.base.archives import unpacked
from segkit.base.errors import DataError, WeightsError
from segkit.weights.tensorflow.bundle import read_bundle
from segkit.weights.tensorflow.choice import DATA, GRAPH, INDEX, choose, is_archive
from segkit.weights.tensorflow.graph import read_graph
from segkit.weights.tensorflow.table import MAGIC

_MOST_BYTES = 2**31
"""Of all that an archive holds; the largest of the model zoo's unpacks to a quarter."""


def read_tensorflow(path: Path) -> dict[str, Tensor] | None:
    """The variables in a checkpoint's index, a frozen graph or an archive of them, by name; None for another file.

    Raises WeightsError with the reason for one that is broken or not to be read, and for an archive that holds none or
    several of them.
    """
    try:
        if not is_archive(path):
            return _read_file(path)
        with unpacked_file(path) as file:
            return _read_file(file)
    except ValueError as error:
        raise WeightsError(
            f"{path}: is no checkpoint or frozen graph that segkit can read, since {error}: get the file again, or the "
            "same weights in another form"
        ) from None


def _read_file(path: Path) -> dict[str, Tensor] | None:
    with path.open("rb") as file:
        start = file.read(1)
        file.seek(max(0, path.stat().st_size - len(MAGIC)))
        end = file.read()
    if end == MAGIC:
        return read_bundle(path)
    # Protocol buffers have no magic: a graph begins with the first field of its first node.
    return read_graph(path) if path.suffix == GRAPH or start == b"\n" else None


@contextmanager
def unpacked_file(archive: Path) -> Iterator[Path]:
    """Unpack an archive, and give the file in it that is read; it goes when the body ends.

    Raises WeightsError as `read_tensorflow`.
    """
    with tempfile.TemporaryDirectory(prefix="segkit-") as temporary:
        try:
            with unpacked(archive, Path(temporary) / "files", place=_wanted, most_bytes=_MOST_BYTES) as folder:
                names = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
                name = choose(names, archive)
                if name is None:
                    raise WeightsError(f"{archive}: holds values without their index: get the whole archive again")
                yield folder / name
        except DataError as error:
            raise WeightsError(str(error)) from None


def _wanted(name: str) -> str | None:
    """Where a member of an archive goes: the files of checkpoints and graphs where they are, the others nowhere."""
    last = name.rpartition("/")[2]
    is_wanted = last.endswith((INDEX, GRAPH)) or DATA.search(last)
    return name if is_wanted and not last.startswith(".") else None
