"""Archives as the public sets have them, made of a few tiny pictures."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping

import numpy as np
import scipy.io
import scipy.sparse
from PIL import Image

from segkit.base.labels import palette_table, voc_palette
from segkit.data.public.archive import Archive
from tests.base.server import Page, Server


def jpeg(side: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (90, 80, 70)).save(buffer, "JPEG")
    return buffer.getvalue()


def png(label: np.ndarray, *, grey: bool = False) -> bytes:
    image, buffer = Image.fromarray(label.astype(np.uint8)), io.BytesIO()
    if not grey:
        image.putpalette(palette_table(voc_palette(21)).tobytes())
    image.save(buffer, "PNG")
    return buffer.getvalue()


def mat(label: np.ndarray) -> bytes:
    """A file of SBD's `cls`: a struct GTcls of Boundaries (20 sparse maps), Segmentation and CategoriesPresent."""
    boundaries = np.empty((20, 1), object)
    for index in range(20):
        boundaries[index, 0] = scipy.sparse.csc_matrix(label == index + 1, dtype=np.float64)
    present = np.unique(label[label > 0]).astype(np.float64).reshape(-1, 1)
    fields = {"Boundaries": boundaries, "Segmentation": label.astype(np.uint8), "CategoriesPresent": present}
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"GTcls": fields}, do_compression=True)
    return buffer.getvalue()


def tar(files: Mapping[str, bytes], *, mode: str = "w", links: Mapping[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def lines(names: list[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def offer(server: Server, name: str, data: bytes, *, mirrors: int = 2, known: bool = True) -> Archive:
    """Put an archive on the server under mirror0/NAME, mirror1/NAME, ... and say where it is."""
    paths = [f"mirror{number}/{name}" for number in range(mirrors)]
    for path in paths:
        server.pages[path] = Page(data, headers={"ETag": f'"{hashlib.md5(data).hexdigest()}"'})
    md5 = hashlib.md5(data).hexdigest() if known else None
    return Archive(name, tuple(map(server.url, paths)), len(data) if known else None, md5)


VOC_LABEL = np.zeros((8, 8), np.uint8)
VOC_LABEL[2:6, 2:6], VOC_LABEL[2, 2:6] = 15, 255
SBD_LABEL = np.zeros((8, 8), np.uint8)
SBD_LABEL[1:4, 1:7], SBD_LABEL[5:, :] = 20, 3

TRAIN = ["2007_000001", "2007_000002", "2008_000003"]
VAL = ["2007_000011", "2008_000012"]
SBD_TRAIN = ["2008_000003", "2008_000012", "2008_000021", "2009_000022"]  # one of VOC's train, one of its val
SBD_VAL = ["2007_000011", "2010_000031"]  # one of VOC's val
TRAIN_AUG = ["2007_000001", "2007_000002", "2008_000003", "2008_000021", "2009_000022", "2010_000031"]


def voc_files() -> dict[str, bytes]:
    """VOCtrainval_11-May-2012.tar, with pictures that have boxes only, and folders that nobody needs here."""
    names = sorted({*TRAIN, *VAL, *SBD_TRAIN, *SBD_VAL, "2011_000099"})
    files = {f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg": jpeg() for name in names}
    for name in (*TRAIN, *VAL):
        files[f"VOCdevkit/VOC2012/SegmentationClass/{name}.png"] = png(VOC_LABEL)
        files[f"VOCdevkit/VOC2012/SegmentationObject/{name}.png"] = png(VOC_LABEL)
    files["VOCdevkit/VOC2012/Annotations/2011_000099.xml"] = b"<annotation/>"
    files["VOCdevkit/VOC2012/ImageSets/Main/train.txt"] = lines(names)
    for split, chosen in (("train", TRAIN), ("val", VAL), ("trainval", TRAIN + VAL)):
        files[f"VOCdevkit/VOC2012/ImageSets/Segmentation/{split}.txt"] = lines(chosen)
    return files


def sbd_files() -> dict[str, bytes]:
    """benchmark.tgz: code beside dataset/, which holds img, cls, inst and the lists."""
    files = {"benchmark_RELEASE/README": b"read me", "benchmark_RELEASE/benchmark_code/a.m": b"% code"}
    for name in (*SBD_TRAIN, *SBD_VAL):
        files[f"benchmark_RELEASE/dataset/img/{name}.jpg"] = jpeg()
        files[f"benchmark_RELEASE/dataset/cls/{name}.mat"] = mat(SBD_LABEL)
        files[f"benchmark_RELEASE/dataset/inst/{name}.mat"] = b"instances"
    files["benchmark_RELEASE/dataset/train.txt"] = lines(SBD_TRAIN)
    files["benchmark_RELEASE/dataset/val.txt"] = lines(SBD_VAL)
    return files


def coco_json(images: list[dict], annotations: list[dict]) -> bytes:
    """An instances file with the categories that COCO gives VOC's classes, and one that VOC has not."""
    names = ["person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "bird", "cat"]
    names += ["dog", "horse", "sheep", "cow", "bottle", "chair", "couch", "potted plant", "dining table", "tv"]
    categories = [{"id": number, "name": name, "supercategory": "x"} for number, name in enumerate(names, 1)]
    return json.dumps({"info": {}, "images": images, "annotations": annotations, "categories": categories}).encode()
