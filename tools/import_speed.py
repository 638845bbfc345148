"""How many pictures a second `segkit data import` converts, on made-up exports: `python -m tools.import_speed`.

Two exports are made in a temporary folder, always the same: COCO instances of 1024x1024, 20 polygons each, and CVAT's
segmentation masks of 1920x1080 in 12 colours. Only what every version of segkit has is called, so an older checkout is
measured by its own code with this file: `PYTHONPATH=CHECKOUT python tools/import_speed.py`.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from segkit.data.importers.importing import import_data

COCO_SIDE, COCO_OBJECTS = 1024, 20
CVAT_SIZE, CVAT_LABELS = (1080, 1920), 12


def make_coco(folder: Path, count: int) -> None:
    """COCO instances: objects of a few sizes, some of them most of the picture."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(count):
        _save_photo(folder / f"{number}.jpg", (COCO_SIDE, COCO_SIDE), rng)
        images.append({"id": number, "file_name": f"{number}.jpg", "width": COCO_SIDE, "height": COCO_SIDE})
        for _ in range(COCO_OBJECTS):
            centre, radius = (
                rng.uniform(0, COCO_SIDE, 2),
                float(rng.choice([20, 60, 150, 400], p=[0.4, 0.35, 0.2, 0.05])),
            )
            polygon = _blob(rng, centre, radius).round(2).ravel().tolist()
            annotation = {"id": len(annotations), "image_id": number, "segmentation": [polygon], "iscrowd": 0}
            annotations.append(annotation | {"category_id": int(rng.integers(1, 11))})
    categories = [{"id": number, "name": f"class {number}"} for number in range(1, 11)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(content))


def make_cvat(folder: Path, count: int) -> None:
    """CVAT's segmentation masks, with the pictures."""
    rng = np.random.default_rng(0)
    colours = rng.choice(2**24, CVAT_LABELS, replace=False)
    colours = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).tolist()
    lines = ["background:0,0,0::", *(f"label {n}:{r},{g},{b}::" for n, (r, g, b) in enumerate(colours))]
    (folder / "labelmap.txt").write_text("\n".join(lines) + "\n")
    for name in ("JPEGImages", "SegmentationClass"):
        (folder / name).mkdir()
    for number in range(count):
        _save_photo(folder / f"JPEGImages/{number}.jpg", CVAT_SIZE, rng)
        mask = np.zeros((*CVAT_SIZE, 3), np.uint8)
        for _ in range(30):
            blob = _blob(rng, rng.uniform(0, CVAT_SIZE[1], 2), float(rng.uniform(20, 300)))
            cv2.fillPoly(mask, [blob.astype(np.int32)], colours[rng.integers(CVAT_LABELS)])
        Image.fromarray(mask).save(folder / f"SegmentationClass/{number}.png")


def _blob(rng: np.random.Generator, centre: np.ndarray, radius: float) -> np.ndarray:
    angles = np.sort(rng.uniform(0, 2 * np.pi, 40))
    reach = radius * rng.uniform(0.6, 1.0, 40)
    return centre + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)


def _save_photo(path: Path, size: tuple[int, int], rng: np.random.Generator) -> None:
    coarse = rng.integers(0, 256, (size[0] // 16, size[1] // 16, 3)).astype(np.uint8)
    Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC).save(path, quality=90)


def _processor_time() -> float:
    """Seconds of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def main() -> None:
    """Make both exports, import each and print pictures a second."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--coco", type=int, default=300, help="pictures of the COCO export")
    parser.add_argument("--cvat", type=int, default=150, help="pictures of the CVAT export")
    counts = vars(parser.parse_args())
    for kind, make in (("coco", make_coco), ("cvat", make_cvat)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name, "export")
            folder.mkdir()
            make(folder, counts[kind])
            start, before = time.perf_counter(), _processor_time()
            count = len(import_data(kind, folder, Path(name, "out"))["pictures"])
            seconds, busy = time.perf_counter() - start, _processor_time() - before
            print(f"{kind}: {count} pictures in {seconds:.1f} s, {count / seconds:.1f} a second")
            print(f"{kind}: {1000 * busy / count:.0f} ms of processor time a picture, which other programs change less")


if __name__ == "__main__":
    main()
