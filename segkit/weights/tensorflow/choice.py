"""Which of TensorFlow's files is meant by a path, and which of those in a folder or an archive is read."""

import re
from collections.abc import Sequence
from pathlib import Path

from segkit.base.errors import WeightsError

INDEX = ".index"
GRAPH = ".pb"
ARCHIVES = (".tar.gz", ".tgz", ".tar")
DATA = re.compile(r"\.data-\d{5}-of-\d{5}$")
"""The end of the name of a file that has the values of a checkpoint."""
RULE = "a checkpoint (.index) goes before a frozen graph (.pb), which is made from one"
"""Which is read where there are both."""

_GZIP, _TAR, _TAR_AT = b"\x1f\x8b", b"ustar", 257


def find_file(path: Path) -> Path | None:
    """The file that is meant by a checkpoint's name, by one of its files, or by a folder; None where none is there.

    Raises WeightsError for a folder that holds several.
    """
    if path.is_dir():
        name = choose([entry.name for entry in path.iterdir() if entry.is_file()], path)
        return None if name is None else path / name
    index = path.with_name(DATA.sub("", path.name) + INDEX)
    if DATA.search(path.name) or not path.is_file():
        return index if index.is_file() else None
    return path


def files_of(file: Path) -> list[Path]:
    """A file of weights, and of an index also the files with its values that lie beside it."""
    stem = file.name.removesuffix(INDEX)
    values = [each for each in file.parent.iterdir() if DATA.search(each.name) and DATA.sub("", each.name) == stem]
    return [file, *(sorted(values) if file.suffix == INDEX else [])]


def is_archive(path: Path) -> bool:
    """Whether a file is a tar archive, or compressed as one."""
    with path.open("rb") as file:
        start = file.read(_TAR_AT + len(_TAR))
    return start.startswith(_GZIP) or start[_TAR_AT:] == _TAR


def choose(names: Sequence[str], where: Path) -> str | None:
    """The one that is read, by RULE; an archive only where there is neither. WeightsError for several of a kind."""
    for kind, ends in (("checkpoints", INDEX), ("frozen graphs", GRAPH), ("archives", ARCHIVES)):
        found = sorted(name for name in names if name.endswith(ends))
        if len(found) > 1:
            raise WeightsError(
                f"{where}: holds several {kind} ({', '.join(found[:3])}): give the path of one, unpacked"
            )
        if found:
            return found[0]
    return None
