"""Another tool's annotations -> a folder of pictures and label PNGs that a recipe can be trained on, once."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from segkit.base.errors import ConfigError, DataError, OutputError
from segkit.base.files import file_digest, holds_something, whole_folder, write_atomically
from segkit.data.importers import (
    cityscapes,
    coco,
    coco_panoptic,
    cvat,
    isat,
    label_studio,
    labelme,
    masks,
    roboflow,
    supervisely,
    via,
    yolo,
)
from segkit.data.importers.export import Export, expected_form
from segkit.data.importers.recognise import not_read, recognise
from segkit.data.importers.rules import AS_THE_FORMAT, Rules
from segkit.data.importers.source import ANNOTATION_SUFFIXES, Source, may_be_mask
from segkit.data.importers.writer import write_export
from segkit.data.text import read_json

IMPORTERS: dict[str, Callable[[Source, Rules], Export]] = {
    "cityscapes": cityscapes.read,
    "coco": coco.read,
    "coco-panoptic": coco_panoptic.read,
    "cvat": cvat.read,
    "isat": isat.read,
    "label-studio": label_studio.read,
    "labelme": labelme.read,
    "masks": masks.read,
    "roboflow": roboflow.read,
    "supervisely": supervisely.read,
    "via": via.read,
    "yolo": yolo.read,
}
"""What reads each format."""

REPORT = "import.json"


def import_data(
    kind: str | None,
    src: Path,
    out: Path,
    *,
    images: Path | str | None = None,
    masks: str | None = None,
    classes: Path | None = None,
    link: bool = False,
    rules: Rules = AS_THE_FORMAT,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Convert the export `src` of the format `kind` into the folder `out`; the report, which is import.json there.

    Without `kind` it is recognised by its files, see `recognise`.

    `out` receives images/, labels/ (index PNGs), data.yaml (a recipe), train.txt, val.txt (and test.txt where the
    export has one) and import.json, all or nothing. Where the export does not say what is for validation, chance
    takes a fifth. `images` is the folder of the pictures if they lie elsewhere, or beside `masks` both are patterns for
    plain masks, see `pairing`; `classes` is the table of "masks". With `link` pictures are not copied. `rules` are what
    the user decides about the annotations. In the report `new` is False if `out` held the same already: nothing is
    written.

    Raises ConfigError for an unknown format or a wrong combination, DataError where the export cannot be read or has
    changed since `out` was made of it, OutputError where `out` holds anything else or cannot be written.
    """
    if kind is not None and kind not in IMPORTERS:
        raise ConfigError(f"the format {kind!r} is not known: choose {', '.join(IMPORTERS)}")
    if not src.exists():
        raise DataError(f"{src} is not there: give the folder of the export (a .zip unpacked), or its file")
    source = _source(src, images=images, masks=masks, classes=classes, out=out)
    said = []
    if kind is None:
        kind, what = _recognised(source)
        said.append(f"read as {kind}, which {what} tells")
    if classes is not None and kind not in ("masks", "labelme"):
        raise ConfigError(f"--classes is for masks and labelme: {kind} says itself what its classes are")
    files = _tracked(source)
    made = {"format": kind, "source": str(src.resolve()), "link": link, **rules.told()}
    if holds_something(out):
        return _known(out, made, files)
    before = _fingerprints(files)  # first, so that a change while it is read is noticed later
    export = _read(kind, source, rules)
    export.said[:0] = said
    with whole_folder(out) as folder:
        written = write_export(export, folder, root=out.resolve(), link=link, stretch=rules.stretch, progress=progress)
        report = {**made, **written, "files": before}
        write_atomically(folder / REPORT, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return {**report, "new": True}


def _source(src: Path, *, images: Path | str | None, masks: str | None, classes: Path | None, out: Path) -> Source:
    """The files of the export; ConfigError where one of two patterns is missing."""
    pattern = str(images) if images is not None and "{" in str(images) else None
    if (pattern is None) != (masks is None):
        raise ConfigError("--images and --masks are patterns together, such as 'img/{split}/{name}.jpg': give both")
    if pattern is not None and masks is not None:
        return Source(src, table=classes, without=out, patterns=(pattern, masks))
    return Source(src, images=None if images is None else Path(images), table=classes, without=out)


def _recognised(source: Source) -> tuple[str, str]:
    """The one form that an export has, and the file that tells. DataError for none, ConfigError for several."""
    found = recognise(source)
    if source.table is not None and (with_table := {"masks", "labelme"} & found.keys()):
        found = {form: what for form, what in found.items() if form in with_table}
    if not found:
        known = not_read(source) or "give it with --format; masks need --classes too"
        raise DataError(f"{source.path} is of no form that is known ({', '.join(IMPORTERS)}): {known}")
    if len(found) > 1:
        told = ", ".join(f"{form} by {what}" for form, what in found.items())
        raise ConfigError(f"{source.path} may be of several forms ({told}): choose one with --format")
    return found.popitem()


def _read(kind: str, source: Source, rules: Rules) -> Export:
    """What the reader of a form finds; where it finds nothing the error tells of which form the files are instead."""
    try:
        with expected_form(str(source.path)):
            return IMPORTERS[kind](source, rules)
    except DataError as error:
        found = recognise(source)
        if kind in found or not found:
            raise
        others = " or ".join(f"--format {form} ({what} tells)" for form, what in found.items())
        raise DataError(f"{error}; by its files it is to be imported with {others}") from None


def _known(out: Path, made: dict[str, Any], files: dict[str, Path]) -> dict[str, Any]:
    """The report of an import that `out` holds, if it was made of the same files; OutputError or DataError if not."""
    path = out / REPORT
    if not path.is_file():
        raise OutputError(f"{out} holds something else: give a folder that is new or empty")
    report = read_json(path)
    if not isinstance(report, dict) or not isinstance(report.get("files"), dict):
        raise OutputError(f"{path} is not what `segkit data import` writes: remove {out} and import again")
    different = [key for key, value in made.items() if report.get(key) != value]
    if different:
        raise OutputError(
            f"{out} was imported with another {different[0]} ({report.get(different[0])}): give a new folder"
        )
    found = _changes(report["files"], files)
    way_out = f"remove {out} and import again, or import into a new folder"
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise DataError(f"the files that {out} was made of are not the same ({found[0]}{more}): {way_out}")
    gone = [name for name in report["pictures"] if not (out / "images" / name).exists()]
    gone += [name for name in report["pictures"] if not (out / "labels" / name).with_suffix(".png").exists()]
    if gone:
        raise DataError(f"{out} has lost {len(gone)} of its files (the first belongs to {gone[0]}): {way_out}")
    return {**report, "new": False}


def _tracked(source: Source) -> dict[str, Path]:
    """All files of an export that a reader may use, by a name in the report."""
    files = {
        name: path
        for name, path in source.files.items()
        if may_be_mask(name) or name.lower().endswith(ANNOTATION_SUFFIXES)
    }
    if source.elsewhere:
        files.update({f"--images/{name}": path for name, path in source.pictures.items()})
    return files if source.table is None else {**files, "--classes": source.table}


def _fingerprints(files: Mapping[str, Path]) -> dict[str, list[Any]]:
    """Size in bytes, time of the last change in nanoseconds, and SHA-256 of each file. DataError if one is gone."""
    found: dict[str, list[Any]] = {}
    for name, path in files.items():
        try:
            status = path.stat()
            found[name] = [status.st_size, status.st_mtime_ns, file_digest(path)]
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}): check who may read it") from None
    return found


def _changes(known: Mapping[str, Any], files: Mapping[str, Path]) -> list[str]:
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
