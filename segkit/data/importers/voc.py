"""PASCAL VOC's folder layout, which CVAT, labelme and many others export: its lists of pictures."""

import posixpath

from segkit.data.importers.export import split_named
from segkit.data.importers.source import Source
from segkit.data.text import read_lines

LISTS = "ImageSets/Segmentation"


def listed_splits(source: Source, *, under: str = "") -> dict[str, str]:
    """Names of pictures without ending -> split, by the lists below the folder `under` that are called after one."""
    found = {}
    for name, path in source.files.items():
        folder, last = posixpath.split(name)
        split = split_named(posixpath.splitext(last)[0])
        if split and last.endswith(".txt") and folder == posixpath.join(under, LISTS):
            found.update(dict.fromkeys(read_lines(path), split))
    return found
