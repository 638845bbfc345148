"""Pixels in which `segkit data import` differs from what a labelling tool's own code draws, on made-up annotations.

    python -m tools.import_oracles ultralytics|label-studio|cityscapes|isat [--pictures 20]

needs the package of that tool (ultralytics, AGPL-3.0; label-studio-sdk, Apache-2.0; cityscapesscripts, MIT; for ISAT
scikit-image, BSD-3-Clause, which it draws by), in an environment of its own: none of them is among segkit's.
pycocotools and labelme's drawing are in the tests.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from segkit.data.importers.importing import import_data

WIDTH, HEIGHT = 640, 480
OBJECTS, CLASSES = 8, 4


def outlines(rng: np.random.Generator) -> list[tuple[int, np.ndarray]]:
    """The objects of a picture, each a class and corners (N, 2); they overlap and some jut out of the picture."""
    found = []
    for _ in range(OBJECTS):
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 30))))
        reach = rng.uniform(10, 200) * rng.uniform(0.4, 1.0, len(angles))
        centre = rng.uniform((0, 0), (WIDTH, HEIGHT))
        corners = centre + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
        found.append((int(rng.integers(CLASSES)), corners.round(2)))
    return found


def ultralytics(folder: Path, pictures: int) -> dict[str, np.ndarray]:
    """Polygons as its training masks them, smaller objects over larger ones."""
    from ultralytics.data.utils import polygons2masks_overlap

    truth = {}
    names = "".join(f"  {number}: class {number}\n" for number in range(CLASSES))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}")
    for name, objects in _pictures(folder / "images", pictures):
        inside = [(kind, corners.clip(0, (WIDTH, HEIGHT))) for kind, corners in objects]
        shares = [(kind, (corners / (WIDTH, HEIGHT)).round(6)) for kind, corners in inside]
        lines = [f"{kind} {' '.join(map(str, corners.ravel().tolist()))}\n" for kind, corners in shares]
        (folder / "labels").mkdir(exist_ok=True)
        (folder / f"labels/{name}.txt").write_text("".join(lines))
        segments = [(corners.astype(np.float32) * (WIDTH, HEIGHT)).astype(np.float32) for _, corners in shares]
        numbered, order = polygons2masks_overlap((HEIGHT, WIDTH), segments, downsample_ratio=1)
        of_number = np.array([0, *(shares[place][0] + 1 for place in order)], np.uint8)
        truth[name] = of_number[numbered]
    return truth


def label_studio(folder: Path, pictures: int) -> dict[str, np.ndarray]:
    """Brush masks, packed and unpacked by its converter, a later one over an earlier one."""
    from label_studio_sdk.converter import brush

    truth, tasks = {}, []
    for name, objects in _pictures(folder, pictures):
        label, results = np.zeros((HEIGHT, WIDTH), np.uint8), []
        for kind, corners in objects:
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            left, top = corners.min(axis=0).clip(0).astype(int)
            mask[top : int(corners[:, 1].max()), left : int(corners[:, 0].max())] = 255
            mask[::3] = 0
            packed = brush.mask2rle(mask)
            label[brush.decode_rle(packed).reshape(HEIGHT, WIDTH, 4)[..., 3] > 0] = kind + 1
            value = {"format": "rle", "rle": packed, "brushlabels": [f"class {kind}"]}
            sizes = {"original_width": WIDTH, "original_height": HEIGHT}
            results.append({"type": "brushlabels", "value": value, **sizes})
        tasks.append({"id": len(tasks), "data": {"image": f"{name}.png"}, "annotations": [{"result": results}]})
        truth[name] = label
    (folder / "tasks.json").write_text(json.dumps(tasks))
    return truth


def cityscapes(folder: Path, pictures: int) -> dict[str, np.ndarray]:
    """Polygons as it makes train ids of them, a later one over an earlier one."""
    from cityscapesscripts.preparation.json2labelImg import json2labelImg

    truth = {}
    names = ("road", "car", "cargroup", "license plate")
    for name, objects in _pictures(folder / "leftImg8bit/train/town", pictures, "_leftImg8bit"):
        file = folder / f"gtFine/train/town/{name}_gtFine_polygons.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        drawn = [{"label": names[kind], "polygon": corners.round().astype(int).tolist()} for kind, corners in objects]
        file.write_text(json.dumps({"imgHeight": HEIGHT, "imgWidth": WIDTH, "objects": drawn}))
        json2labelImg(str(file), str(folder.parent / "mask.png"), "trainIds")
        truth[name] = np.asarray(Image.open(folder.parent / "mask.png"))
    return truth


def isat(folder: Path, pictures: int) -> dict[str, np.ndarray]:
    """Polygons as its `formats/voc.py` fills them, higher layers over lower ones."""
    from skimage.draw import polygon

    truth = {}
    for name, objects in _pictures(folder, pictures):
        label, drawn = np.zeros((HEIGHT, WIDTH), np.uint8), []
        layered = sorted(enumerate(objects), key=lambda item: item[0] % 3)
        for _, (kind, corners) in layered:
            whole = corners.astype(int)
            label[polygon(whole[:, 1], whole[:, 0], label.shape)] = kind + 1
        for place, (kind, corners) in enumerate(objects):
            drawn.append({"category": f"class {kind}", "layer": place % 3, "segmentation": corners.tolist()})
        info = {"description": "ISAT", "name": f"{name}.png", "width": WIDTH, "height": HEIGHT}
        (folder / f"{name}.json").write_text(json.dumps({"info": info, "objects": drawn}))
        truth[name] = label
    return truth


def _pictures(folder: Path, count: int, ending: str = "") -> list[tuple[str, list[tuple[int, np.ndarray]]]]:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        name = f"town_{number:06d}_000000"
        Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)).save(folder / f"{name}{ending}.png")
        made.append((name, outlines(rng)))
    return made


FORMS: dict[str, tuple[str, Callable[[Path, int], dict[str, np.ndarray]]]] = {
    "ultralytics": ("yolo", ultralytics),
    "label-studio": ("label-studio", label_studio),
    "cityscapes": ("cityscapes", cityscapes),
    "isat": ("isat", isat),
}


def main() -> None:
    """Makes the annotations, imports them and counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool", choices=FORMS)
    parser.add_argument("--pictures", type=int, default=20)
    given = parser.parse_args()
    form, draw = FORMS[given.tool]
    with tempfile.TemporaryDirectory() as place:
        source, out = Path(place, "source"), Path(place, "out")
        source.mkdir()
        truth = draw(source, given.pictures)
        import_data(form, source, out)
        labels = {name: np.asarray(Image.open(next(out.glob(f"labels/*{name}*.png")))) for name in truth}
    wrong = sum(int((labels[name] != truth[name]).sum()) for name in truth)
    drawn = sum(int((label != (255 if form == "cityscapes" else 0)).sum()) for label in truth.values())
    print(f"{wrong} of {len(truth) * WIDTH * HEIGHT} pixels differ ({drawn} drawn, {len(truth)} pictures)")


if __name__ == "__main__":
    main()
