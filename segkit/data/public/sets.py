"""The public sets by name."""

from collections.abc import Callable
from typing import NamedTuple

from segkit.data.public import camvid, coco, voc
from segkit.data.public.archive import Archive, Depot, Obtained


class PublicSet(NamedTuple):
    """A set: the archives that a depot needs to make it, how it is made there, its recipe's name, and whose it is."""

    lacking: Callable[[Depot], list[Archive]]
    get: Callable[[Depot], Obtained]
    recipe: str
    terms: str


PUBLIC_SETS = {
    "voc2012": PublicSet(voc.lacking, voc.get, "voc_mobilenet_v2", "Flickr's terms of use hold for the pictures"),
    "camvid": PublicSet(camvid.lacking, camvid.get, "camvid_mobilenet_v2", "for research"),
    "coco2017": PublicSet(
        coco.lacking,
        coco.get,
        "coco_mobilenet_v2",
        "the annotations are CC BY 4.0, and Flickr's terms of use hold for the pictures",
    ),
}
