"""Whether the files that were imported are still the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segkit.base.errors import DataError
from segkit.base.files import file_digest
from segkit.data.importers.source import ANNOTATION_SUFFIXES, Source, is_picture


def tracked(source: Source) -> dict[str, Path]:
    """All files of an export that a reader may use, by a name in the report."""
    files = {
        name: path
        for name, path in source.files.items()
        if is_picture(name) or name.lower().endswith(ANNOTATION_SUFFIXES)
    }
    if source.elsewhere:
        files.update({f"--images/{name}": path for name, path in source.pictures.items()})
    return files if source.table is None else {**files, "--classes": source.table}


def fingerprints(files: Mapping[str, Path]) -> dict[str, list[Any]]:
    """Size in bytes, time of the last change in nanoseconds, and SHA-256 of each file. DataError if one is gone."""
    found: dict[str, list[Any]] = {}
    for name, path in files.items():
        try:
            status = path.stat()
            found[name] = [status.st_size, status.st_mtime_ns, file_digest(path)]
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}): check who may read it") from None
    return found


def changes(known: Mapping[str, Any], files: Mapping[str, Path]) -> list[str]:
    """What is different, such as "new a.jpg". A file is read only where its size is the same and its time is not."""
    found = [f"{name} is gone" for name in known.keys() - files.keys()]
    for name, path in files.items():
        if name not in known:
            found.append(f"{name} is new")
            continue
        size, time, digest = known[name]
        status = path.stat()
        if status.st_size != size or (status.st_mtime_ns != time and file_digest(path) != digest):
            found.append(f"{name} has changed")
    return sorted(found)
