"""One training in a folder at a time."""

import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from segkit.base.errors import OutputError
from segkit.base.files import cannot_write

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "lock"
"""The file in a folder that is held."""


@contextmanager
def locked(folder: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold `folder`, which is there, for this process; its file `lock` says which process that is.

    The system lets go of it when the process ends, however it does, here or on another host of a shared disk. What a
    process left that was killed is told to `tell`. Raises OutputError where another process holds the folder.
    """
    path = folder / LOCK
    try:
        file = _held(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    with file:
        owner = _owner(file)
        if owner:
            tell(f"process {owner.get('pid')} on {owner.get('host')} was training here and has ended without a word")
        file.truncate(0)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": now}) + "\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _held(path: Path) -> IO[str]:
    """The file, open and held."""
    while True:
        file = path.open("a+", encoding="utf-8", errors="replace")
        try:
            _hold(path, file)
            is_there = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
        except BaseException:
            file.close()
            raise
        if is_there:
            return file
        file.close()  # who held it has taken it away in between


def _hold(path: Path, file: IO[str]) -> None:
    if fcntl is None:
        return
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not inherited by the processes that read, unlike flock's
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        owner = _owner(file)
        raise OutputError(
            f"{path.parent}: process {owner.get('pid')} on {owner.get('host')} is training here since "
            f"{owner.get('since')}: wait for it or end it, or choose another --out"
        ) from None


def _owner(file: IO[str]) -> dict[str, Any]:
    file.seek(0)
    try:
        owner = json.loads(file.read())
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}
