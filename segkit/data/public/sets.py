"""The public sets by name."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from segkit.data.public import camvid, coco, voc
from segkit.data.public.source import Listener, Obtained, Source


class PublicSet(NamedTuple):
    """A set: the archives that it lacks under a root, how it is made there, its recipe's name, and whose it is."""

    missing: Callable[[Path], list[Source]]
    get: Callable[[Path, Listener], Obtained]
    recipe: str
    terms: str


PUBLIC_SETS = {
    "voc2012": PublicSet(voc.missing, voc.get, "voc_mobilenet_v2", "Flickr's terms of use hold for the pictures"),
    "camvid": PublicSet(camvid.missing, camvid.get, "camvid_mobilenet_v2", "for research"),
    "coco2017": PublicSet(
        coco.missing,
        coco.get,
        "coco_mobilenet_v2",
        "the annotations are CC BY 4.0, and Flickr's terms of use hold for the pictures",
    ),
}
