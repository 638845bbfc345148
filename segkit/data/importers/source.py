"""The files of an export. Names in an export are looked up among them and never opened as paths."""

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from segkit.base.errors import DataError
from segkit.base.files import files_below
from segkit.base.pictures import PICTURE_SUFFIXES

ANNOTATION_SUFFIXES = (".json", ".xml", ".txt", ".csv", ".yaml", ".yml")


class Source:
    """The files under a folder, by their paths in it ("/" between the parts), in order of these.

    `path` is the folder of an export or an annotation file in it; a JSON or XML file that is given counts alone.
    `images` is the folder of the pictures where it is another, `table` a file that says what masks hold, `patterns`
    those of pictures and of masks (see `pairing`). Hidden files
    and the folder `without` are left out. DataError if there is no file.
    """

    def __init__(
        self,
        path: Path,
        *,
        images: Path | None = None,
        table: Path | None = None,
        without: Path | None = None,
        patterns: tuple[str, str] | None = None,
    ) -> None:
        if path.is_file() and path.suffix.lower() not in ANNOTATION_SUFFIXES:
            raise DataError(f"{path} is not a folder, nor an annotation file: unpack it if it is an archive")
        self.path = path
        self.table = table
        self.patterns = patterns
        self.root = path.parent if path.is_file() else path
        self.only = path.name if path.suffix.lower() in (".json", ".xml") and path.is_file() else None
        self.files = {path.name: path} if self.only and images else _walk(self.root, without)
        found = self.files if images is None else _walk(images, without)
        self.pictures = {name: file for name, file in found.items() if is_picture(name)}
        self.elsewhere = images is not None
        self._names = Names(self.pictures, anywhere=self.elsewhere)

    def named(self, *endings: str) -> dict[str, Path]:
        """The files of these endings, or the one that was given alone."""
        if self.only is not None:
            return {self.only: self.files[self.only]} if self.only.lower().endswith(endings) else {}
        return {name: path for name, path in self.files.items() if name.lower().endswith(endings)}

    def picture(self, name: str, *, beside: str = "", exactly: bool = False) -> str:
        """The key in `pictures` of the picture that an export calls `name`: see `Names.find`."""
        return self._names.find(name, beside=beside, exactly=exactly)


class Names:
    """Paths in an export, to find those that it means; with `anywhere` also by names that point out of it."""

    def __init__(self, names: Iterable[str], *, anywhere: bool) -> None:
        self._names = frozenset(names)
        self._anywhere = anywhere
        self._by_last: dict[str, list[str]] = {}
        for name in sorted(self._names):
            self._by_last.setdefault(posixpath.basename(name), []).append(name)

    def find(self, name: str, *, beside: str = "", exactly: bool = False) -> str:
        """The path that is called `name`, relative to the folder `beside`.

        Else, unless `exactly`, the one path that ends in the name, or in which the name ends. Raises DataError where
        none or several fit, and for a name that points out of the export.
        """
        if not isinstance(name, str) or not name or "\0" in name:
            raise DataError(f"its picture has no name ({name!r}): correct it")
        plain = posixpath.normpath(name.replace("\\", "/"))
        wanted = posixpath.normpath(posixpath.join(beside, plain))
        if wanted in self._names:
            return wanted
        outside = wanted.startswith(("/", "../")) or re.match("[A-Za-z]:", wanted)
        if outside and not self._anywhere:
            raise DataError(
                f"its picture ({name}) lies outside of the export: import the folder that holds both, or name the "
                "pictures' folder with --images"
            )
        fits = [] if exactly and not self._anywhere else self._by_last.get(posixpath.basename(wanted), [])
        fits = [key for key in fits if _ends(key, re.sub(r"^(\.\./)+", "", plain))]
        if not fits:
            raise DataError(
                f"its picture ({name}) is not there: put it into the folder, or name its folder with --images"
            )
        if len(fits) > 1:
            raise DataError(f"its picture may be one of two ({fits[0]}, {fits[1]}): take one out")
        return fits[0]


def is_picture(name: str) -> bool:
    """Whether the ending is a picture's."""
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES


def may_be_mask(name: str) -> bool:
    """Whether the ending is one that masks have: those of pictures, and GIF, which keeps values too."""
    return is_picture(name) or name.lower().endswith(".gif")


def _walk(root: Path, without: Path | None) -> dict[str, Path]:
    found = {path.relative_to(root).as_posix(): path for path in files_below(root, without=without) if path.is_file()}
    if not found:
        raise DataError(f"{root} holds no files: give the folder of the export (a .zip unpacked)")
    return found


def _ends(one: str, other: str) -> bool:
    """Whether one of two paths is the end of the other."""
    one, other = f"/{one.lstrip('/')}", f"/{other.lstrip('/')}"
    return one.endswith(other) or other.endswith(one)
